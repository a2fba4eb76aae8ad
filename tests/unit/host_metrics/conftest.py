"""A PHP-FPM in a thread: it speaks FastCGI on a Unix socket, and answers what it was told to."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_metrics.look import Site

STATUS = {
    "process manager": "static",
    "active processes": 3,
    "idle processes": 12,
    "max children reached": 0,
    "slow requests": 2,
}
OPCACHE = {
    "memory_usage": {"used_memory": 20, "free_memory": 60, "wasted_memory": 20},
    "interned_strings_usage": {"buffer_size": 200, "used_memory": 50},
    "opcache_statistics": {
        "hits": 99,
        "misses": 1,
        "oom_restarts": 1,
        "hash_restarts": 0,
        "manual_restarts": 2,
    },
}
Answers = Callable[[dict[str, str]], Any]


def stock(asked: dict[str, str]) -> Any:
    """What a healthy site says."""
    name = Path(asked["SCRIPT_NAME"]).name
    return {"status": STATUS, "opcache.php": OPCACHE, "queue.php": {"jobs": {"default": 7}}}[name]


class Handler(socketserver.StreamRequestHandler):
    """One request: its parameters are read, and answered in two records."""

    def handle(self) -> None:
        params = b""
        while head := self.rfile.read(8):
            _, kind, _, size, _ = struct.unpack("!BBHHBx", head)
            content = self.rfile.read(size)
            params += content if kind == 4 else b""
            if kind == 5:
                break
        said = self.server.answers(dict(pairs(params)))  # type: ignore[attr-defined]
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        answer = b"Content-Type: application/json\r\n\r\n" + body
        for kind, content in ((6, answer[:40]), (7, b"a warning"), (6, answer[40:]), (6, b"")):
            padding = -len(content) % 8
            head = struct.pack("!BBHHBx", 1, kind, 1, len(content), padding)
            self.wfile.write(head + content + bytes(padding))
        self.wfile.write(struct.pack("!BBHHBx", 1, 3, 1, 8, 0) + bytes(8))


def pairs(data: bytes) -> Iterator[tuple[str, str]]:
    while data:
        sizes = []
        for _ in range(2):
            long = data[0] > 127
            sizes.append(struct.unpack("!I", data[:4])[0] & 0x7FFFFFFF if long else data[0])
            data = data[4 if long else 1 :]
        name, value = data[: sizes[0]], data[sizes[0] : sum(sizes)]
        data = data[sum(sizes) :]
        yield name.decode(), value.decode()


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    answers: Answers


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A site whose PHP-FPM answers as told: `site("app", answers)`."""
    servers: list[Server] = []
    listeners: list[socket.socket] = []

    def make(name: str = "app", answers: Answers = stock, queues: tuple[str, ...] = ()) -> Site:
        server = Server(str(tmp_path / f"{name}.sock"), Handler)
        server.answers = answers
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        workers = socket.socket(socket.AF_UNIX)
        workers.bind(str(tmp_path / f"{name}-workers.sock"))
        workers.listen()
        listeners.append(workers)
        status = tmp_path / f"{name}.sock"
        return Site(name, tmp_path / f"{name}-workers.sock", status, tmp_path / "current", queues)

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()
    for listener in listeners:
        listener.close()
