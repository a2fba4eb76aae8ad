"""Who may read the metadata: version 2's tokens, the hop limit, and how others are refused."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bakehouse_lab.imds.tree import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bakehouse_lab.imds.host import Host

LONGEST_TOKEN_SECONDS = 21600
TOKEN = "x-aws-ec2-metadata-token"
TOKEN_TTL = "x-aws-ec2-metadata-token-ttl-seconds"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. The names of headers are in lower case, the path has no query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say. `hops` is how far the packets may travel, None for as far as any."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hops: int | None = None


FORBIDDEN = Answer(403, b"Forbidden")
UNAUTHORIZED = Answer(401, b"Unauthorized")
NOT_FOUND = Answer(404, b"Not Found")
BAD_REQUEST = Answer(400, b"Bad Request")
WRONG_METHOD = Answer(405, b"Method Not Allowed", {"Allow": "GET, HEAD, PUT"})


class Tokens:
    """Session tokens: each opens one instance's metadata for a while, and no other's."""

    def __init__(self, now: Callable[[], float], make: Callable[[], str]) -> None:
        """`now` is in seconds; `make` makes a token that nobody can guess."""
        self._now, self._make = now, make
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def issue(self, instance: str, seconds: int) -> str:
        """A new token for `instance`; those that have expired are forgotten."""
        token, now = self._make(), self._now()
        with self._lock:
            self._until = {key: until for key, until in self._until.items() if until > now}
            self._until[instance, token] = now + seconds
        return token

    def valid(self, instance: str, token: str) -> bool:
        """Whether `token` was issued to `instance` and has not expired."""
        with self._lock:
            return self._until.get((instance, token), 0.0) > self._now()


def respond(
    request: Request,
    host: Host,
    tokens: Tokens,
    credentials: Callable[[], str],
    now: str,
) -> Answer:
    """Answer `request`, which came from `host` itself."""
    if not host.access.enabled:
        return FORBIDDEN
    if request.method == "PUT":
        return _issue(request, host, tokens)
    if request.method not in ("GET", "HEAD"):
        return WRONG_METHOD
    if not _may_read(request, host, tokens):
        return UNAUTHORIZED
    found = read(host, request.path, credentials, now)
    return NOT_FOUND if found is None else Answer(200, found)


def _issue(request: Request, host: Host, tokens: Tokens) -> Answer:
    if request.path.rstrip("/") != "/latest/api/token":
        return WRONG_METHOD
    if "x-forwarded-for" in request.headers:
        return FORBIDDEN
    wanted = request.headers.get(TOKEN_TTL, "")
    if not wanted.isdecimal() or not 1 <= int(wanted) <= LONGEST_TOKEN_SECONDS:
        return BAD_REQUEST
    token = tokens.issue(host.id, int(wanted))
    return Answer(200, token.encode(), {TOKEN_TTL: wanted}, hops=host.access.hop_limit)


def _may_read(request: Request, host: Host, tokens: Tokens) -> bool:
    token = request.headers.get(TOKEN)
    if token is None:
        return not host.access.tokens_required
    return tokens.valid(host.id, token)
