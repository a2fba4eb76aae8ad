"""The listeners: one for each network, on the bridge's own address and nowhere else."""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from bakehouse_lab import network
from bakehouse_lab.imds.credentials import stamp
from bakehouse_lab.imds.protocol import NOT_FOUND, Answer, Request, Tokens, respond

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.imds.host import Host

log = logging.getLogger("bakehouse_lab")

IDLE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Service:
    """All that a listener needs to answer."""

    find: Callable[[str], Host | None]
    tokens: Tokens
    document: Callable[[Host], str]
    now: Callable[[], float]

    def answer(self, address: str, request: Request) -> Answer:
        """Answer what came from `address`; somebody who is not an instance finds nothing."""
        host = self.find(address)
        if host is None:
            return NOT_FOUND
        return respond(request, host, self.tokens, lambda: self.document(host), stamp(self.now()))


class Handler(BaseHTTPRequestHandler):
    """One connection of an instance."""

    server: Listener
    server_version = "EC2ws"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # An answer leaves in one packet at once: 40 requests at boot would each wait for Nagle else.
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self) -> None:
        """Answer any method; which ones are taken is the protocol's decision."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path.split("?")[0], headers)
        answer = self.server.service.answer(self.client_address[0], request)
        if answer.hops is not None:
            # Stays for the whole connection: whoever is further away has no token to go on with.
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, answer.hops)
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: an instance asks forty times at each boot."""


for _method in ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
    setattr(Handler, f"do_{_method}", Handler.answer)


class Listener(ThreadingHTTPServer):
    """Listens on one bridge's address, whether or not the bridge is there."""

    daemon_threads = True

    def __init__(self, address: str, port: int, service: Service) -> None:
        """Take the port; nothing is answered before `serve_forever`."""
        self.service = service
        super().__init__((address, port), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = network.listener(address, port)
        self.server_address = self.socket.getsockname()


class Listeners:
    """The metadata service as a face of the lab."""

    def __init__(self, service: Service, port: int) -> None:
        """Nothing listens before `listen`."""
        self._service, self._port = service, port
        self._open: dict[str, Listener] = {}
        self._lock = threading.Lock()

    def listen(self, address: str) -> None:
        """Answer on a bridge's address; nothing happens when it is answered already.

        Raises AddressTaken when another process has the port.
        """
        with self._lock:
            if address in self._open:
                return
            listener = self._open[address] = Listener(address, self._port, self._service)
        name = f"metadata-{address}"
        threading.Thread(target=listener.serve_forever, name=name, daemon=True).start()
        log.info("metadata: listening on %s:%d", address, self._port)

    def close(self) -> None:
        """Stop answering, and give the ports back."""
        with self._lock:
            for listener in self._open.values():
                listener.shutdown()
                listener.server_close()
            self._open.clear()
