"""Security groups as nftables text. Pure.

One table in the network namespace of each container, put there from outside. Like a security group
it is stateful (answers always pass), default deny, and has rules that allow and none that refuse.
Rules that are taken away stop new connections, not those that are open: as on AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TABLE = "bakehouse_groups"
EVERYWHERE = IPv4Network("0.0.0.0/0")
METADATA = "169.254.169.254"

# What passes whatever the rules say. The filter comes some two seconds after its host has begun
# to boot, and finds connections that are open: the kernel does not know them, and takes their next
# packet for the first of a new one. An answer was dropped so, again and again, and cloud-init
# waited for its metadata for minutes (two of some thirty boots). Only SYN opens a connection.
ANSWERS = ("ct state established,related accept", "tcp flags & syn == 0 ct state new accept")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a group; `peers` are ranges, `groups` whose members are peers too.

    `protocol` is tcp, udp, icmp, a number, or -1 for all. `first` and `last` are ports, or an ICMP
    type and code; None or -1 means any.
    """

    protocol: str
    first: int | None = None
    last: int | None = None
    peers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interface:
    """An address with the rules of all its groups."""

    ip: str
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a host reaches whatever its groups say: names at the gateway, and the lab's API.

    On AWS the resolver and the metadata service are no matter of groups either. The API is: its
    port 443 is allowed by most; here it has a port of its own that nobody's group could know.
    """

    gateway: str
    api_port: int


def render(
    interfaces: Sequence[Interface],
    members: Mapping[str, Iterable[str]],
    surroundings: Surroundings,
) -> str:
    """The rule set for one container, to be applied as one transaction.

    `members` are the addresses of each group. The same input gives the same text, so that texts
    can be compared.
    """
    incoming = [
        *ANSWERS,
        'iifname "lo" accept',
        *(
            f"ip daddr {one.ip} {line}"
            for one in interfaces
            for line in _lines(one.ingress, members, "saddr")
        ),
    ]
    outgoing = [
        *ANSWERS,
        'oifname "lo" accept',
        f"ip daddr {METADATA} tcp dport 80 accept",
        f"ip daddr {surroundings.gateway} meta l4proto {{ tcp, udp }} th dport 53 accept",
        f"ip daddr {surroundings.gateway} tcp dport {surroundings.api_port} accept",
        *(
            f"ip saddr {one.ip} {line}"
            for one in interfaces
            for line in _lines(one.egress, members, "daddr")
        ),
    ]
    return (
        f"table inet {TABLE}\n"
        f"delete table inet {TABLE}\n"
        f"table inet {TABLE} {{\n"
        f"{_chain('incoming', 'input', incoming)}"
        f"{_chain('outgoing', 'output', outgoing)}"
        "}\n"
    )


def _chain(name: str, hook: str, lines: Sequence[str]) -> str:
    # Before the host's own tables: its firewall decides about what the groups let through.
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f"  chain {name} {{\n"
        f"    type filter hook {hook} priority filter - 10; policy drop;\n"
        f"{body}"
        "  }\n"
    )


def _lines(rules: Iterable[Rule], members: Mapping[str, Iterable[str]], peer: str) -> Iterator[str]:
    for rule in dict.fromkeys(rules):
        peers = _peers(rule, members)
        if peers:
            words = (_from(peers, peer), _what(rule), "accept")
            yield " ".join(word for word in words if word)


def _peers(rule: Rule, members: Mapping[str, Iterable[str]]) -> list[IPv4Network]:
    """Merged: nft refuses ranges that overlap. The lab has no IPv6, so such ranges drop out."""
    known = [address for group in rule.groups for address in members.get(group, ())]
    networks = [ip_network(one, strict=False) for one in (*rule.peers, *known)]
    return list(collapse_addresses(one for one in networks if isinstance(one, IPv4Network)))


def _from(peers: Sequence[IPv4Network], peer: str) -> str:
    if EVERYWHERE in peers:
        return ""
    said = (one.with_prefixlen.removesuffix("/32") for one in peers)
    return f"ip {peer} {{ {', '.join(said)} }}"


def _what(rule: Rule) -> str:
    if rule.protocol == "-1":
        return ""
    if rule.protocol == "icmp":
        return _icmp(rule)
    if rule.protocol not in ("tcp", "udp"):
        return f"meta l4proto {rule.protocol}"
    if rule.first in (None, -1):
        return f"meta l4proto {rule.protocol}"
    ports = f"{rule.first}" if rule.first == rule.last else f"{rule.first}-{rule.last}"
    return f"{rule.protocol} dport {ports}"


def _icmp(rule: Rule) -> str:
    if rule.first in (None, -1):
        return "meta l4proto icmp"
    code = "" if rule.last in (None, -1) else f" icmp code {rule.last}"
    return f"icmp type {rule.first}{code}"
