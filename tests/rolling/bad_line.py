"""A line to AWS that is bad: a proxy before the lab's API that throttles, and falls silent."""

from __future__ import annotations

import http.client
import http.server
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# What AWS says to a client that asks too often; both words are known to every SDK.
QUERY = b"""<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>
<Message>Rate exceeded</Message></Error><RequestId>0</RequestId></ErrorResponse>"""
JSON = b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
NOT_PASSED_ON = {"host", "connection", "content-length", "transfer-encoding"}


@dataclass
class BadLine:
    """Where it is, and how it is."""

    behind: int  # the lab's port
    every: int = 3  # of so many calls one is throttled
    port: int = 0
    throttled: int = 0
    held: int = 0  # calls that found silence
    _calls: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fall_silent(self, seconds: float) -> None:
        """Take calls, and answer none of them for so long."""
        self._open.clear()
        threading.Timer(seconds, self._open.set).start()

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
        """AWS's answer, or what stands in its way."""
        if not self._open.is_set():
            self.held += 1
            self._open.wait()
        if next(self._calls) % self.every == 0:
            self.throttled += 1
            is_json = "json" in headers.get("Content-Type", "")
            return 400, [], JSON if is_json else QUERY
        kept = {key: value for key, value in headers.items() if key.lower() not in NOT_PASSED_ON}
        line = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=60)
        line.request(method, path, body, kept)
        answer = line.getresponse()
        return answer.status, answer.getheaders(), answer.read()


@contextmanager
def bad_line(behind: int) -> Iterator[BadLine]:
    """One that is open as long as the block."""
    line = BadLine(behind)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, said = line.answer(self.command, self.path, self.headers, body)
            try:
                self.send_response(status)
                for key, value in headers:
                    if key.lower() not in NOT_PASSED_ON:
                        self.send_header(key, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
            except OSError:
                self.close_connection = True  # whoever asked has given up

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    line.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield line
    finally:
        line._open.set()
        server.shutdown()
        serving.join()
        server.server_close()
