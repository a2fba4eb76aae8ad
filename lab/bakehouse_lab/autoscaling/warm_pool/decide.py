"""What a warm pool does next: (the group, its instances, now) -> actions. Pure.

A part of what `autoscaling.decide` decides in one look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.capacity import REFRESH_CAUSE, spread, victims
from bakehouse_lab.autoscaling.health import EC2_CAUSE
from bakehouse_lab.autoscaling.model import (
    CAPACITY,
    ENDING,
    GONE,
    LAUNCHING,
    LOST,
    Action,
    Await,
    BeginTerminate,
    FailLaunch,
    Group,
    Launch,
    MarkUnhealthy,
    Member,
    Renewal,
)
from bakehouse_lab.autoscaling.passage import deregister, draining, go, hooks, leaves, wait
from bakehouse_lab.autoscaling.warm_pool.model import (
    EC2,
    GROUP,
    PENDING,
    PENDING_WAIT,
    RUNNING,
    STEADY,
    STOPPED,
    WARMED,
    DropPool,
    GiveBack,
    Halt,
    Reserve,
    Settle,
    Take,
    WarmUp,
    pooled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DELETED = "an instance was taken out of the warm pool in response to the pool being deleted."

# What an instance of the pool may be in EC2, to be taken into service; and when it is ill.
READY = {STOPPED: frozenset({"stopped", "running"}), RUNNING: frozenset({"running"})}
ILL = {STOPPED: GONE, RUNNING: LOST}


# -- one instance's life


def live(group: Group, member: Member, now: float) -> Iterator[Action]:
    """On its way into the pool, or out of it to its end."""
    if leaves(member.lifecycle):
        yield from go(group, member, now)
    elif member.lifecycle not in STEADY:
        yield from _enter(group, member, now)


def _enter(group: Group, member: Member, now: float) -> Iterator[Action]:
    """One that returns from service drains first, and its hooks are those of an end."""
    if member.ec2_state in GONE:
        new = member.origin == EC2
        yield FailLaunch(member.id) if new else BeginTerminate(member.id, EC2_CAUSE)
    elif member.lifecycle == PENDING_WAIT:
        yield from wait(member, now)
    elif member.registered:
        yield from deregister(member)
    elif not draining(member):
        transition = ENDING if member.origin == GROUP else LAUNCHING
        if member.lifecycle == PENDING and (names := hooks(group, transition)):
            yield Await(member.id, names, PENDING_WAIT)
        else:
            yield from _rest(group, member)


def _rest(group: Group, member: Member) -> Iterator[Action]:
    if member.ec2_state == "stopped":
        yield Settle(member.id, STOPPED)
    elif member.ec2_state == "running":
        stays = group.pool is not None and group.pool.state == "Running"
        yield Settle(member.id, RUNNING) if stays else Halt(member.id)


# -- the pool as a whole


def health(group: Group, members: Sequence[Member]) -> list[Action]:
    """Mark what is ill; end what was marked before. There is no grace period in a pool."""
    steady = [member for member in members if member.lifecycle in STEADY]
    marks: list[Action] = []
    if "HealthCheck" not in group.suspended:
        marks = [
            MarkUnhealthy(member.id, EC2_CAUSE)
            for member in steady
            if member.healthy and member.ec2_state in ILL[member.lifecycle]
        ]
    if group.suspended & {"ReplaceUnhealthy", "Terminate"}:
        return marks
    return marks + [BeginTerminate(each.id, each.cause) for each in steady if not each.healthy]


def renewal(group: Group, members: Sequence[Member], so_far: Sequence[Action]) -> Iterator[Action]:
    """What a refresh ends of the pool, unless it goes already."""
    gone = {each.member for each in so_far if isinstance(each, BeginTerminate)}
    retire = group.renewal.pool.retire if group.renewal.pool else ()
    for member in members:
        if member.id in retire and member.id not in gone:
            yield BeginTerminate(member.id, REFRESH_CAUSE, chosen=True, renew=False)


def reserve(group: Group, members: Sequence[Member]) -> Reserve:
    """What the group may take, and how many it may give back.

    Under a refresh none that is to be replaced goes into service. Otherwise one of an older launch
    template does, as it did when it entered the pool.
    """
    pool = group.pool
    if pool is None or pool.deleting:
        return Reserve()
    room = pool.size(group.desired, group.maximum) - sum(pooled(each.lifecycle) for each in members)
    return Reserve([each for each in members if _ready(each)], room if pool.reuse else 0)


def _ready(member: Member) -> bool:
    sound = member.healthy and member.updated
    return sound and member.ec2_state in READY.get(member.lifecycle, ())


def fill(
    group: Group, members: Sequence[Member], so_far: Sequence[Action], now: float
) -> Iterator[Action]:
    """Start what the pool lacks after all that was decided `so_far`, or end what it has too much.

    The group's own launches come first; none is started while Launch is suspended, none ended
    while Terminate is, nor while the group itself lacks instances.
    """
    if group.pool is None:
        return
    gone = {each.member for each in so_far if isinstance(each, BeginTerminate | Take)}
    staying = [each for each in members if each.id not in gone]
    inside = [each for each in staying if pooled(each.lifecycle)]
    if group.pool.deleting:
        yield from _dissolve(members, inside)
        return
    wanted = group.pool.size(group.desired, group.maximum)
    size = len(inside) + sum(isinstance(each, GiveBack) for each in so_far)
    asked = group.renewal.pool or Renewal()
    if wanted + asked.surge > size:
        yield from _grow(group, inside, size, wanted + asked.surge, now)
    elif wanted + asked.surplus < size and _whole(group, staying, so_far):
        yield from _shrink(group, inside, size, wanted + asked.surplus)


def _whole(group: Group, staying: Sequence[Member], so_far: Sequence[Action]) -> bool:
    live = sum(each.lifecycle in CAPACITY for each in staying)
    return live + sum(isinstance(each, Launch | Take) for each in so_far) >= group.desired


def _dissolve(members: Sequence[Member], inside: Sequence[Member]) -> Iterator[Action]:
    yield from (BeginTerminate(each.id, DELETED) for each in inside)
    if not any(each.lifecycle.startswith(WARMED) for each in members):
        yield DropPool()


CHANGED = "in response to a difference between desired and actual size of the warm pool"


def _grow(
    group: Group, inside: Sequence[Member], size: int, wanted: int, now: float
) -> Iterator[Action]:
    if "Launch" in group.suspended or now < group.retry_at:
        return
    cause = f"an instance was started {CHANGED}, increasing it from {size} to {wanted}."
    for subnet, zone in spread(group, inside, wanted - size):
        yield WarmUp(subnet, zone, cause)


def _shrink(group: Group, inside: Sequence[Member], size: int, wanted: int) -> Iterator[Action]:
    if "Terminate" in group.suspended:
        return
    cause = f"an instance was terminated {CHANGED}, shrinking it from {size} to {wanted}."
    for victim in victims(group, inside, inside)[: size - wanted]:
        yield BeginTerminate(victim.id, cause)
