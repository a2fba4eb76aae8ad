"""Looks at targets on loopback, without a namespace."""

from __future__ import annotations

import http.server
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from bakehouse_lab.elb.health import PASSED, REFUSED, TIMED_OUT, Check
from bakehouse_lab.elb.probe import look

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = Check(path="/health", timeout=0.3)
HEARD: list[dict[str, str]] = []


class Target(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        HEARD.append({key.lower(): value for key, value in self.headers.items()})
        if self.path == "/garbage":
            self.wfile.write(b"what?\r\n\r\n")
        elif self.path != "/silence":
            self.send_response(200 if self.path == "/health" else 500)
            self.end_headers()
        else:
            threading.Event().wait(1)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_a_target_that_answers_is_well_and_knows_who_asked(port: int) -> None:
    assert look("127.0.0.1", port, CHECK) == PASSED
    assert HEARD[-1]["user-agent"] == "ELB-HealthChecker/2.0"
    assert HEARD[-1]["host"] == f"127.0.0.1:{port}"


def test_the_checks_own_port_wins_over_the_targets(port: int) -> None:
    check = Check(path="/health", port=port)
    assert look("127.0.0.1", 1, check) == PASSED


def test_another_code_is_told(port: int) -> None:
    found = look("127.0.0.1", port, Check(path="/other", timeout=0.3))
    assert found.description == "Health checks failed with these codes: [500]"


def test_silence_is_a_timeout(port: int) -> None:
    assert look("127.0.0.1", port, Check(path="/silence", timeout=0.1)) == TIMED_OUT


def test_garbage_and_a_closed_port_are_failures(port: int) -> None:
    assert look("127.0.0.1", port, Check(path="/garbage", timeout=0.3)) == REFUSED
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    assert look("127.0.0.1", closed, CHECK) == REFUSED


def test_a_tcp_check_only_wants_the_connection(port: int) -> None:
    assert look("127.0.0.1", port, Check(protocol="TCP", path="/other", timeout=0.3)) == PASSED
