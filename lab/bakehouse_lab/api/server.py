"""The HTTP server: moto behind one lock, errors that SDKs can read, a line for each call.

`Application` is the WSGI application alone: with it, tests talk to the whole API without a
socket, podman or root. `ApiServer` puts it on loopback and on the lab's own bridges.
"""

from __future__ import annotations

import io
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from bakehouse_lab import network
from bakehouse_lab.api import errors, moto_settings
from bakehouse_lab.api.calls import Call
from bakehouse_lab.api.pretended import pretended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from socket import socket

    from werkzeug.serving import BaseWSGIServer

    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab")

LOOPBACK = "127.0.0.1"

# Doors of moto that are no part of AWS: one wipes every record, the other answers for an instance
# that does not exist.
CLOSED = ("/moto-api", "/latest/")

# After a change in one of these, controllers look at once; the others have nothing behind them.
WITH_HOSTS = frozenset(
    {
        "ec2",
        "autoscaling",
        "elasticloadbalancing",
        "rds",
        "elasticache",
        "secretsmanager",
        "iam",
        "acm",
    }
)


class Application:
    """moto's dispatcher with the world's lock around each call, and no HTML."""

    def __init__(self, lab: Lab, record: Callable[[str], None] = lambda line: None) -> None:
        """Serve `lab`; `record` gets one line for each call."""
        self._lab = lab
        self._record = record
        moto_settings.configure()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        began = time.monotonic()
        body = _body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        call = Call.read(environ, body)
        answer = self._answer(environ, call)
        self._record(_line(environ, call, answer.status, time.monotonic() - began))
        if answer.status < 400 and call.changes and call.service in WITH_HOSTS:
            self._lab.kick()
        headers = [(name, value) for name, value in answer.headers.items()]
        start_response(f"{answer.status} -", headers)
        return [answer.body]

    def _answer(self, environ: dict[str, Any], call: Call) -> errors.Answer:
        if environ.get("PATH_INFO", "").startswith(CLOSED):
            return errors.unimplemented(call, "this door of moto is closed")
        if why := pretended(call):
            return errors.unimplemented(call, why)
        try:
            with self._lab.world.lock:
                answer = self._ask_moto(environ)
        except NotImplementedError as missing:
            return errors.unimplemented(call, str(missing))
        except Exception as error:
            log.exception("%s:%s failed", call.service, call.action)
            return errors.crashed(call, error)
        if answer.status < 400 or call.action.startswith("HEAD "):
            return answer
        if _is_html(answer.body) or not answer.body:
            return errors.unimplemented(call, errors.plain(answer.body))
        return answer

    def _ask_moto(self, environ: dict[str, Any]) -> errors.Answer:
        said: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            said.update(status=int(status.split()[0]), headers=dict(headers))

        chunks = self._moto.get_application(environ)(environ, start)
        try:
            body = b"".join(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        return errors.Answer(said["status"], said["headers"], body)


class ApiServer:
    """The API on loopback, and on each bridge that it is told of."""

    def __init__(self, lab: Lab) -> None:
        """Take the port on loopback, so that there is one such process; answer from `start` on.

        Raises AddressTaken when another process has it.
        """
        self._port = lab.settings.api_port
        self._calls = _Calls(lab.settings.runtime / "calls.log")
        self._application = Application(lab, self._calls.write)
        self._servers: dict[str, BaseWSGIServer] = {}
        self._lock = threading.Lock()
        self._loopback = network.listener(LOOPBACK, self._port)
        lab.faces.append(self)

    def start(self) -> None:
        """Answer on loopback."""
        with self._lock, self._loopback as socket:
            self._serve(LOOPBACK, socket)

    def listen(self, address: str) -> None:
        """Answer on one more address; nothing happens when it is answered already."""
        with self._lock:
            if address in self._servers:
                return
            with network.listener(address, self._port) as socket:
                self._serve(address, socket)

    def _serve(self, address: str, socket: socket) -> None:
        server = make_server(
            address,
            self._port,
            self._application,
            threaded=True,
            request_handler=_Handler,
            fd=socket.fileno(),
        )
        self._servers[address] = server
        threading.Thread(target=server.serve_forever, name=f"api-{address}", daemon=True).start()

    def stop(self) -> None:
        """Take no more calls; returns when no server listens any more."""
        with self._lock:
            for server in self._servers.values():
                server.shutdown()
                server.server_close()
            self._servers.clear()
        self._calls.close()


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types
    """moto's own, which keeps underscores in S3's metadata; silent, because we write the log."""

    def log_request(self, *_: object) -> None:
        pass


class _Calls:
    """The log of calls: one line each, safe to write from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(line + "\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()


def _body(environ: dict[str, Any]) -> bytes:
    if environ.get("wsgi.input_terminated"):  # chunked: the server knows where it ends
        body: bytes = environ["wsgi.input"].read()
        environ["CONTENT_LENGTH"] = str(len(body))
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _is_html(body: bytes) -> bool:
    return body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _line(environ: dict[str, Any], call: Call, status: int, seconds: float) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    caller = f"{environ.get('REMOTE_ADDR', '-')}/{call.access_key}"
    agent = environ.get("HTTP_USER_AGENT", "-")
    return f"{now} {status} {seconds * 1000:.0f}ms {call.service} {call.action} {caller} {agent}"
