"""How many instances a group has, where they start, and who goes when there are too many. Pure."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import (
    CAPACITY,
    IN_SERVICE,
    LOST,
    Action,
    BeginTerminate,
    Group,
    Launch,
    Member,
)
from bakehouse_lab.autoscaling.warm_pool.model import GiveBack, Reserve, Take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

REPLACED = "an instance was launched in response to an unhealthy instance needing to be replaced."
REFRESHED = "an instance was launched in response to an instance refresh."
REFRESH_CAUSE = "an instance was taken out of service in response to an instance refresh."

SERVES = frozenset({"healthy", "unused"})  # no balancer asks an unused target


def bounds(desired: int, least_percent: int, most_percent: int | None) -> tuple[int, int]:
    """The fewest instances that must be ready, and the most that may be there or be coming.

    The lower bound rounds up. Where no upper bound is given one goes at least, before or while its
    replacement comes, even if that breaks the lower bound. Where one is given and leaves no room,
    a replacement comes before any goes. The upper bound rounds down (AWS does not say).

    >>> bounds(2, 90, None), bounds(20, 90, None), bounds(4, 100, 110), bounds(4, 100, 200)
    ((1, 2), (18, 20), (4, 5), (4, 8))
    """
    least = -(-desired * least_percent // 100)
    if most_percent is None:
        return desired - max(1, desired - least), desired
    most = desired * most_percent // 100
    return least, most if most > least else least + 1


def serves(group: Group, member: Member) -> bool:
    """In service, and found healthy by those whom the group asks."""
    sound = member.lifecycle == IN_SERVICE and member.healthy and member.ec2_state not in LOST
    asked = member.targets.values() if group.elb_checks else ()
    return sound and SERVES.issuperset(asked)


def capacity(
    group: Group, members: Sequence[Member], now: float, reserve: Reserve
) -> Iterator[Action]:
    """Start what is missing, or end what is too much; with what a warm pool has in reserve."""
    live = [member for member in members if member.lifecycle in CAPACITY]
    missing = group.desired + group.renewal.surge - len(live)
    surplus = len(live) - group.desired - group.renewal.surplus
    if missing > 0 and "Launch" not in group.suspended:
        yield from _grow(group, live, missing, reserve.ready, now)
    elif surplus > 0 and "Terminate" not in group.suspended:
        yield from _shrink(group, live, surplus, reserve.room)


def _grow(
    group: Group, live: Sequence[Member], missing: int, ready: Sequence[Member], now: float
) -> Iterator[Action]:
    """From the warm pool first; a launch that failed before makes the next one wait, not those."""
    lacking = group.desired - len(live)
    grown = (
        "an instance was started in response to a difference between desired and actual "
        f"capacity, increasing the capacity from {len(live)} to {group.desired}."
    )
    causes = [_cause(group, lacking - number) or grown for number in range(missing)]
    taken = _warm(live, ready, missing)
    for member, cause in zip(taken, causes, strict=False):
        yield Take(member.id, cause, cause == REPLACED, cause == REFRESHED)
    if now < group.retry_at:
        return
    places = spread(group, [*live, *taken], missing - len(taken))
    for (subnet, zone), cause in zip(places, causes[len(taken) :], strict=False):
        yield Launch(subnet, zone, cause, cause == REPLACED, cause == REFRESHED)


def _warm(live: Sequence[Member], ready: Sequence[Member], missing: int) -> list[Member]:
    """Out of the warm pool into the emptiest zones, the oldest first (AWS does not say)."""
    zones, left = Counter(member.zone for member in live), list(ready)
    taken: list[Member] = []
    while left and len(taken) < missing:
        chosen = min(left, key=lambda each: (zones[each.zone], each.launched, each.id))
        left.remove(chosen)
        zones[chosen.zone] += 1
        taken.append(chosen)
    return taken


def _cause(group: Group, owed: int) -> str:
    """What the last but `owed` of the launches is for; below 1 it comes on top of what is desired.

    Only a refresh starts instances on top, or a policy that wants a replacement to come first.
    """
    if owed <= 0:
        return REPLACED if group.policy else REFRESHED
    if owed <= group.replacing:
        return REPLACED
    return REFRESHED if owed <= max(0, group.replacing) + max(0, group.renewing) else ""


def spread(group: Group, live: Sequence[Member], missing: int) -> Iterator[tuple[str, str]]:
    """The zone with the fewest instances, and in it the subnet with the fewest.

    Of equals the one that has waited longest, so that replacing one after the other keeps a group
    in all its zones (AWS says nothing of that, and rebalances afterwards).
    """
    zones, subnets = Counter(m.zone for m in live), Counter(m.subnet for m in live)
    latest = {member.zone: member.launched for member in sorted(live, key=attrgetter("launched"))}
    for _ in range(missing if group.places else 0):
        subnet, zone = min(
            group.places, key=lambda at: (zones[at[1]], latest.get(at[1], 0.0), subnets[at[0]])
        )
        zones[zone] += 1
        subnets[subnet] += 1
        yield subnet, zone


def _shrink(group: Group, live: Sequence[Member], surplus: int, room: int) -> Iterator[Action]:
    """Who is well and up to date may go back into the warm pool, as long as that has room."""
    size, spared = len(live), [member for member in live if not member.protected]
    cause = (
        "an instance was taken out of service in response to a difference between desired and "
        f"actual capacity, shrinking the capacity from {size} to {group.desired}."
    )
    for victim in victims(group, live, spared)[:surplus]:
        if room > 0 and victim.updated and serves(group, victim):
            room -= 1
            yield GiveBack(victim.id, cause)
        else:
            yield BeginTerminate(victim.id, cause, chosen=True)


def victims(group: Group, live: Sequence[Member], among: Sequence[Member]) -> list[Member]:
    """Who goes first, of `among`: sick before well, the fullest zone, then as the policies say."""
    zones, left, order = Counter(member.zone for member in live), list(among), []
    policies = [*group.policies, "OldestLaunchTemplate", "OldestInstance"]

    def rank(member: Member) -> tuple[object, ...]:
        by_policy = [_AGES[policy](member) for policy in policies if policy in _AGES]
        return (member.healthy, -zones[member.zone], *by_policy, member.id)

    while left:
        victim = min(left, key=rank)
        left.remove(victim)
        zones[victim.zone] -= 1
        order.append(victim)
    return order


_AGES: Mapping[str, Callable[[Member], float]] = {
    "NewestInstance": lambda member: -member.launched,
    "OldestInstance": lambda member: member.launched,
    "OldestLaunchTemplate": lambda member: member.current,
    "OldestLaunchConfiguration": lambda member: member.current,
}
