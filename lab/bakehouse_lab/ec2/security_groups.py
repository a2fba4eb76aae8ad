"""Security groups that really filter: each container's packet filter follows the records.

For every address that the world knows, whoever it belongs to. What was last applied is remembered
for each start of a container (a start makes a new network namespace), so that a look which finds
nothing to do costs no process; and everything is applied again from time to time, because a
host may flush its own filter (Debian's nftables.service does, when it starts).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakehouse_lab import network
from bakehouse_lab.ec2.packet_filter import Interface, Rule, Surroundings, render
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Seen
    from bakehouse_lab.world import Address, World

log = logging.getLogger("bakehouse_lab")

AGAIN_AFTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule set that is in force in one network namespace since `at`."""

    text: str
    netns: str
    at: float


def serve(lab: Lab) -> Sequence[Loop]:
    """The loop that keeps the filters."""
    wanted = _Wanted(lab.world, lab.settings.api_port)
    keeper = Keeper(wanted.texts, lab.podman.list, network.nft, _exists, time.monotonic)
    return [Loop("security groups", keeper.step)]


def due(
    wanted: Mapping[str, str],
    applied: Mapping[str, Applied],
    exists: Callable[[str], bool],
    now: float,
) -> set[str]:
    """The containers whose filter is not as wanted, is gone, or was not refreshed for a while."""
    return {
        name
        for name, text in wanted.items()
        if (last := applied.get(name)) is None
        or last.text != text
        or not exists(last.netns)
        or now - last.at >= AGAIN_AFTER_SECONDS
    }


class Keeper:
    """Applies what is wanted to the containers that run."""

    def __init__(
        self,
        wanted: Callable[[], Mapping[str, str]],
        containers: Callable[[], Iterable[Seen]],
        apply: Callable[[str, str], None],
        exists: Callable[[str], bool],
        now: Callable[[], float],
    ) -> None:
        """`wanted` gives rule sets by container; `apply` takes a rule set and a namespace."""
        self._wanted, self._containers, self._apply = wanted, containers, apply
        self._exists, self._now = exists, now
        self._applied: dict[str, Applied] = {}

    def step(self) -> None:
        """Apply what is due; a container that does not run yet waits for the next look."""
        wanted = self._wanted()
        self._applied = {name: last for name, last in self._applied.items() if name in wanted}
        names = due(wanted, self._applied, self._exists, self._now())
        if not names:
            return
        for seen in self._containers():
            if seen.name in names and seen.running and seen.netns:
                self._put(seen, wanted[seen.name])

    def _put(self, seen: Seen, text: str) -> None:
        last = self._applied.get(seen.name)
        try:
            self._apply(text, seen.netns)
        except network.FilterRefused as refused:
            if self._exists(seen.netns):  # else it ended while we were at it
                log.error("security groups of %s: %s", seen.name, refused)
            return
        self._applied[seen.name] = Applied(text, seen.netns, self._now())
        if last is None or last.text != text:
            log.info("security groups of %s: applied", seen.name)


class _Wanted:
    """Rule sets from the world's addresses and moto's groups."""

    def __init__(self, world: World, api_port: int) -> None:
        self._world, self._port = world, api_port

    def texts(self) -> dict[str, str]:
        """The rule set of each container."""
        with self._world.lock:
            ec2 = self._world.backend("ec2")
            by_container: dict[str, list[Address]] = {}
            for address in self._world.addresses.values():
                if address.vpc_id in ec2.vpcs:
                    by_container.setdefault(address.container, []).append(address)
            members = _members(self._world.addresses.values())
            return {
                container: self._text(ec2, addresses, members)
                for container, addresses in by_container.items()
            }

    def _text(self, ec2: Any, addresses: Sequence[Address], members: dict[str, list[str]]) -> str:
        cidr = ec2.vpcs[addresses[0].vpc_id].cidr_block
        interfaces = [_interface(ec2, each) for each in sorted(addresses, key=lambda each: each.ip)]
        gateway = str(ip_network(cidr)[1])  # the bridge: podman gives it a range's first address
        surroundings = Surroundings(gateway, self._port)
        return render(interfaces, members, surroundings)


def _members(addresses: Iterable[Address]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for address in addresses:
        for group in address.security_groups:
            members.setdefault(group, []).append(address.ip)
    return members


def _interface(ec2: Any, address: Address) -> Interface:
    groups = [ec2.get_security_group_from_id(each) for each in address.security_groups]
    known = [group for group in groups if group is not None]
    return Interface(
        address.ip,
        tuple(_rule(ec2, each) for group in known for each in group.ingress_rules),
        tuple(_rule(ec2, each) for group in known for each in group.egress_rules),
    )


def _rule(ec2: Any, rule: Any) -> Rule:
    peers = [rule.ip_range["CidrIp"]] if rule.ip_range.get("CidrIp") else []
    if rule.prefix_list_id in ec2.managed_prefix_lists:
        listed = ec2.managed_prefix_lists[rule.prefix_list_id]
        peers += [entry["Cidr"] for entry in listed.entries.get(listed.version) or ()]
    group = rule.source_group.get("GroupId")
    return Rule(
        str(rule.ip_protocol),
        rule.from_port,
        rule.to_port,
        tuple(peers),
        (group,) if group else (),
    )


def _exists(netns: str) -> bool:
    return Path(netns).exists()
