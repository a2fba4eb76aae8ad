"""What haproxy is told so that it answers as an application load balancer does. Pure.

`Balancer` says what listens where and what happens to a request; `render` words it. Which targets
stand behind a group is not part of it: servers are slots, filled while haproxy runs (`slots`), so
that a new target costs no reload. The description in the `global` section is a digest of the rest,
so that haproxy itself can be asked what it has loaded.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse_lab.elb.slots import widened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bakehouse_lab.elb.slots import Slot

# Where the balancer's folder is mounted in its container.
FOLDER = "/run/balancer"

# An ALB waits this long for a target to accept a connection, seconds.
CONNECT_SECONDS = 10

# An ALB takes 64 KiB of request headers.
HEADER_BYTES = 65536

# What a machine that may not raise limits can hold (two descriptors for each, 20000 in all).
CONNECTIONS = 4000


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule: any of `values` will do. Patterns know `*` and `?`."""

    # path-pattern | host-header | http-request-method | http-header | source-ip | query-string
    field: str
    values: tuple[str, ...]
    name: str = ""  # of the header, for http-header


@dataclass(frozen=True, slots=True)
class Forward:
    """To target groups, by weight."""

    groups: tuple[tuple[str, int], ...]  # (name of the group, weight)


@dataclass(frozen=True, slots=True)
class Redirect:
    """To another address; the parts may hold #{protocol}, #{host}, #{port}, #{path}, #{query}."""

    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"
    status: int = 302


@dataclass(frozen=True, slots=True)
class Fixed:
    """An answer of the balancer's own."""

    status: int
    content_type: str = "text/plain"
    body: str = ""


Action = Forward | Redirect | Fixed


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions hold -> the action. The last rule of a listener has none."""

    conditions: tuple[Condition, ...]
    action: Action


@dataclass(frozen=True, slots=True)
class Listener:
    """A port, and what happens to what arrives there: the first rule that fits."""

    port: int
    rules: tuple[Rule, ...]
    certificates: tuple[str, ...] = ()  # files in FOLDER, the default first; none: plain HTTP


@dataclass(frozen=True, slots=True)
class Group:
    """A target group as haproxy sees it: so many slots for servers."""

    name: str
    slots: int
    least_outstanding: bool = False
    sticky_seconds: int = 0  # 0: not sticky


@dataclass(frozen=True, slots=True)
class Balancer:
    """An application load balancer."""

    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]
    idle_seconds: int = 60
    forwarded_for: str = "append"  # append | preserve | remove

    @property
    def digest(self) -> str:
        """The same for two balancers that need the same configuration."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def render(balancer: Balancer, servers: Mapping[str, Sequence[Slot]]) -> str:
    """haproxy's configuration; `servers` are what stands in each group's slots now."""
    lines = [*_global(balancer), *_defaults(balancer)]
    for listener in balancer.listeners:
        lines += ["", *_frontend(listener, balancer)]
    for group in balancer.groups:
        lines += ["", *_backend(group, servers.get(group.name, ()))]
    # An ALB without a rule that fits, or with weights of 0, has nowhere to send a request.
    lines += ["", "backend nowhere", "  http-request return status 503 default-errorfiles"]
    return "\n".join(lines) + "\n"


# Whether it was a target that answered, and not the balancer itself.
_ANSWERED = "{ var(txn.answered) -m bool }"


def _global(balancer: Balancer) -> list[str]:
    return [
        "global",
        f"  description {balancer.digest}",
        f"  maxconn {CONNECTIONS}",
        f"  tune.bufsize {HEADER_BYTES}",
        "  tune.maxrewrite 4096",
        # A worker of the last configuration ends with its connections, or then.
        "  hard-stop-after 30s",
        f"  stats socket {FOLDER}/admin.sock mode 600 level admin expose-fd listeners",
        "",
    ]


def _defaults(balancer: Balancer) -> list[str]:
    return [
        "defaults",
        "  mode http",
        f"  timeout connect {CONNECT_SECONDS}s",
        f"  timeout client {balancer.idle_seconds}s",
        f"  timeout server {balancer.idle_seconds}s",
        f"  timeout http-request {balancer.idle_seconds}s",
        f"  timeout http-keep-alive {balancer.idle_seconds}s",
        # Nothing is papered over: what fails on AWS fails here.
        "  retries 0",
        "  http-reuse safe",
        "  option idle-close-on-response",
        *(f"  {_page(status)}" for status in (400, 502, 503, 504)),
    ]


_PAGES = {
    400: "400 Bad Request",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}


def _page(status: int, instead_of: int | None = None) -> str:
    """What a browser shows for a status of the balancer's own."""
    title = _PAGES[status]
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return f"http-error status {instead_of or status} content-type text/html string {_word(page)}"


def _frontend(listener: Listener, balancer: Balancer) -> Iterator[str]:
    certificates = "".join(f" crt {FOLDER}/{name}" for name in listener.certificates)
    protocol = "https" if certificates else "http"
    yield f"frontend port_{listener.port}"
    tls = f" ssl{certificates} alpn h2,http/1.1" if certificates else ""
    yield f"  bind 0.0.0.0:{listener.port}{tls}"
    yield from _headers(listener.port, protocol, balancer.forwarded_for)
    for number, rule in enumerate(listener.rules):
        yield from _choose(number, rule)
    for number, rule in enumerate(listener.rules):
        if not isinstance(rule.action, Forward):
            yield from _answer(number, rule.action, protocol, listener.port)
    for number, rule in enumerate(listener.rules):
        if isinstance(rule.action, Forward):
            yield from _forward(number, rule.action)
    yield "  default_backend nowhere"
    # Only the balancer's own answers carry its name; a target's answer is left as it is.
    yield "  http-response set-var(txn.answered) bool(true)"
    yield f"  http-after-response set-header Server awselb/2.0 unless {_ANSWERED}"
    bad = f"{{ status 502 }} !{_ANSWERED}"
    yield f"  http-after-response set-status 502 reason Bad\\x20Gateway if {bad}"


def _headers(port: int, protocol: str, forwarded_for: str) -> Iterator[str]:
    """The headers that an ALB adds to a request, and what later lines need to know of it."""
    yield "  http-request set-var(txn.began) date"
    yield "  http-request set-var(txn.roll) rand"
    has = "{ req.hdr(X-Forwarded-For) -m found }"
    if forwarded_for == "append":
        yield f"  http-request set-var-fmt(txn.via) %[req.fhdr(X-Forwarded-For)],\\x20 if {has}"
        yield "  http-request set-header X-Forwarded-For %[var(txn.via)]%[src]"
    elif forwarded_for == "remove":
        yield "  http-request del-header X-Forwarded-For"
    yield f"  http-request set-header X-Forwarded-Proto {protocol}"
    yield f"  http-request set-header X-Forwarded-Port {port}"
    # Root=1-<seconds, 8 hex digits>-<24 hex digits>; a trace that has begun keeps its root.
    yield "  http-request set-var-fmt(txn.time) %{+X}Ts"
    yield (
        "  http-request set-var-fmt(txn.span) "
        "1-%[var(txn.time),lower]-%[uuid(),regsub(-,,g),bytes(0,24)]"
    )
    yield "  http-request set-var(txn.trace) req.fhdr(X-Amzn-Trace-Id)"
    # A Self of the hop before is replaced.
    yield "  http-request set-var(txn.trace) var(txn.trace),regsub(Self=[^;]*;?,)"
    begun = "{ var(txn.trace) -m reg (^|;)Root= }"
    empty = "{ var(txn.trace) -m len 0 } or !{ var(txn.trace) -m found }"
    yield "  http-request set-var(txn.role) str(Root)"
    yield f"  http-request set-var(txn.role) str(Self) if {begun}"
    yield (
        "  http-request set-var-fmt(txn.trace) "
        "%[var(txn.role)]=%[var(txn.span)];%[var(txn.trace)] unless " + empty
    )
    yield f"  http-request set-var-fmt(txn.trace) Root=%[var(txn.span)] if {empty}"
    yield "  http-request set-header X-Amzn-Trace-Id %[var(txn.trace)]"


def _choose(number: int, rule: Rule) -> Iterator[str]:
    """Write down which rule it is: haproxy does all `http-request` before any `use_backend`."""
    names = []
    for place, condition in enumerate(rule.conditions):
        name = f"rule_{number}_{place}"
        names.append(name)
        yield f"  acl {name} {_test(condition)}"
    free = "!{ var(txn.rule) -m found }"
    yield f"  http-request set-var(txn.rule) int({number}) if {' '.join([free, *names])}"


def _test(condition: Condition) -> str:
    patterns = " ".join(f"'{_pattern(value)}'" for value in condition.values)
    tests = {
        "path-pattern": f"path -m reg {patterns}",
        "host-header": f"req.hdr(host),field(1,:) -m reg -i {patterns}",
        "http-header": f"req.fhdr({condition.name}) -m reg -i {patterns}",
        "http-request-method": f"method {' '.join(map(_word, condition.values))}",
        "source-ip": f"src {' '.join(map(_word, condition.values))}",
        "query-string": " ".join(["query -m reg -i", *(_parameter(v) for v in condition.values)]),
    }
    return tests[condition.field]


def _parameter(value: str) -> str:
    """A query parameter anywhere in the query: `key=value`, or a value of any key."""
    key, equals, wanted = value.rpartition("=")
    name = _pattern(key)[1:-1] if equals else "[^=&]*"
    return f"'(^|&){name}={_pattern(wanted)[1:-1]}(&|$)'"


def _answer(number: int, action: Fixed | Redirect, protocol: str, port: int) -> Iterator[str]:
    chosen = _chosen(number)
    match action:
        case Fixed(status, content_type, body):
            said = f" content-type {_word(content_type)} string {_word(body)}" if body else ""
            yield f"  http-request return status {status}{said} if {chosen}"
        case Redirect():
            yield from _redirect(action, chosen, protocol, port)


def _forward(number: int, action: Forward) -> Iterator[str]:
    """By weight; where nobody is to be had the answer is a 503, and haproxy is not asked to try."""
    chosen, total = _chosen(number), sum(weight for _, weight in action.groups)
    weighted, sofar = len(action.groups) > 1, 0
    for name, weight in action.groups:
        sofar += weight
        roll = f" {{ var(txn.roll),mod({total}) -m int lt {sofar} }}" if weighted else ""
        if weight:
            yield f"  use_backend nowhere if {chosen}{roll} {{ nbsrv({name}) eq 0 }}"
            yield f"  use_backend {name} if {chosen}{roll}"


def _chosen(number: int) -> str:
    return f"{{ var(txn.rule) -m int {number} }}"


def _redirect(action: Redirect, chosen: str, protocol: str, port: int) -> Iterator[str]:
    yield f"  http-request set-var(txn.path) path,regsub(^/,) if {chosen}"
    parts = {
        "protocol": protocol,
        "host": "%[req.hdr(host),field(1,:)]",
        "port": str(port),
        "path": "%[var(txn.path)]",
        "query": "%[query]",
    }
    scheme = _filled(action.protocol, parts).lower()
    base = f"{scheme}://{_filled(action.host, parts)}:{_filled(action.port, parts)}"
    place = base + _filled(action.path, parts)
    code = f"code {action.status}"
    if action.query:
        # No question mark where there is nothing to ask.
        some = " { query -m len gt 0 }" if action.query == "#{query}" else ""
        asked = f"{place}?{_filled(action.query, parts)}"
        yield f"  http-request redirect location {asked} {code} if {chosen}{some}"
    yield f"  http-request redirect location {place} {code} if {chosen}"


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """The text as a haproxy format, with its placeholders as haproxy's."""
    pieces = re.split(r"#\{(protocol|host|port|path|query)\}", text)
    return "".join(
        parts[piece] if place % 2 else _word(piece.replace("%", "%%"))
        for place, piece in enumerate(pieces)
        if piece
    )


def _backend(group: Group, servers: Sequence[Slot]) -> Iterator[str]:
    yield f"backend {group.name}"
    yield f"  balance {'leastconn' if group.least_outstanding else 'roundrobin'}"
    if group.sticky_seconds:
        yield f"  cookie AWSALB insert indirect nocache maxlife {group.sticky_seconds}s"
    # haproxy says 503 when a target cannot be reached. An ALB says 502 when it refuses the
    # connection and 504 when it does not take it in time; 503 is for "nobody there" (`nowhere`).
    yield f"  {_page(502, instead_of=503)}"
    own = f"{{ status 503 }} !{_ANSWERED}"
    late = f"{{ date,sub(txn.began) ge {CONNECT_SECONDS} }}"
    yield f"  http-after-response set-status 504 if {own} {late}"
    yield f"  http-after-response set-status 502 if {own}"
    modes = {"ready": "", "drain": " weight 0", "maint": " disabled"}
    for slot in widened(servers, group.slots):
        cookie = f" cookie s{slot.number}" if group.sticky_seconds else ""
        yield f"  server s{slot.number} {slot.ip}:{slot.port}{cookie}{modes[slot.mode]}"


def _pattern(pattern: str) -> str:
    r"""An ALB's pattern as a regular expression that needs no quoting.

    >>> _pattern("/img/*.p?g")
    '^\\x2fimg\\x2f.*\\x2ep.g$'
    """
    known = {"*": ".*", "?": "."}
    return f"^{''.join(known.get(letter) or _hex(letter) for letter in pattern)}$"


def _hex(letter: str) -> str:
    if letter.isascii() and letter.isalnum():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _word(text: str) -> str:
    r"""One word of haproxy's language, whatever is in it.

    >>> print(_word("it's 5 #1"))
    it\x27s\x205\x20\x231
    """
    safe = re.compile(r"[A-Za-z0-9_./:;,=<>+@!?&*()%[\]-]")
    return "".join(letter if safe.match(letter) else _hex(letter) for letter in text) or '""'
