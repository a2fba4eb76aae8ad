"""The pages of a host, asked over a real socket."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lifecycle.site import Site


class Server(ThreadingHTTPServer):
    """Answers /slow when three ask at once, /broken with 500; remembers what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.asked: Counter[tuple[str, str]] = Counter()
        self.together = threading.Barrier(3)


class Page(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked[self.path, self.headers["Host"]] += 1
        if self.path == "/slow" and self.server.asked[self.path, self.headers["Host"]] > 1:
            self.server.together.wait(5)
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def of(server: Server) -> Site:
    return Site("shop.example", ("127.0.0.1", server.server_port))


def test_each_page_is_asked_for_once_and_then_by_many_at_once(server: Server) -> None:
    assert of(server).warm(["/slow", "/"], 3) == "8 times 200"
    assert server.asked == {("/slow", "shop.example"): 4, ("/", "shop.example"): 4}


def test_a_page_that_fails_is_told(server: Server) -> None:
    assert of(server).warm(["/broken"], 1) == "2 times 500"
    assert of(server).trouble("/broken") == "GET /broken answered 500"
    assert of(server).trouble("/") == ""


def test_a_server_that_is_not_there_is_told(server: Server) -> None:
    assert "ConnectionRefusedError" in Site("", ("127.0.0.1", 9)).trouble("/health")
