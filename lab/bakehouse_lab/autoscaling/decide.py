"""What an Auto Scaling group does next: (the group, its instances, now) -> actions. Pure.

Each call looks at everything and returns all that is to be done at once. Nothing is remembered
here: the actions change the records, and the next look sees them changed. The order of an
instance's life is AWS's:

    launch      Pending -> [hooks: Pending:Wait -> Pending:Proceed] -> registered -> InService
    terminate   Terminating, deregistered, drained -> [hooks: Terminating:Wait ->
                Terminating:Proceed] -> gone

The terminating hooks run after the load balancer has drained the instance, so that a hook finds
it idle. What a warm pool adds to that stands in `warm_pool`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.capacity import REFRESH_CAUSE, capacity
from bakehouse_lab.autoscaling.health import health, relief
from bakehouse_lab.autoscaling.model import (
    CAPACITY,
    ENTERING_STANDBY,
    LAUNCHING,
    LOST,
    PENDING,
    PENDING_WAIT,
    Action,
    Await,
    BeginTerminate,
    DeleteGroup,
    EnterService,
    EnterStandby,
    FailLaunch,
    Forget,
    Group,
    Member,
    Register,
)
from bakehouse_lab.autoscaling.passage import deregister, draining, go, hooks, leaves, wait
from bakehouse_lab.autoscaling.warm_pool import decide as pool
from bakehouse_lab.autoscaling.warm_pool.model import WARMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def decide(group: Group, members: Sequence[Member], now: float) -> list[Action]:
    """All that is to be done now.

    Never starts an instance that would make the capacity larger than desired (and what a refresh
    wants above that), nor any while Launch is suspended; never ends one that serves while
    Terminate is suspended.
    """
    if group.deleting:
        return _dissolve(group, members, now)
    actions: list[Action] = [each for member in members for each in _live(group, member, now)]
    actions += health(group, members, now) + pool.health(group, members)
    actions += list(_renewal(group, members, actions))
    actions += list(pool.renewal(group, members, actions))
    # A launch that failed still counts: the next look knows when to try again.
    ended = [each for each in actions if isinstance(each, BeginTerminate)]
    leaving = {each.member for each in ended}
    staying = [each for each in members if each.id not in leaving]
    owed = replace(
        group,
        renewal=relief(group, staying),
        replacing=group.replacing + sum(each.replace for each in ended),
        renewing=group.renewing + sum(each.renew for each in ended),
    )
    actions += list(capacity(owed, staying, now, pool.reserve(owed, staying)))
    actions += list(pool.fill(owed, members, actions, now))
    return actions


def _dissolve(group: Group, members: Sequence[Member], now: float) -> list[Action]:
    actions: list[Action] = []
    for member in members:
        if leaves(member.lifecycle):
            actions += go(group, member, now)
        else:
            cause = "an instance was taken out of service in response to its group being deleted."
            actions.append(BeginTerminate(member.id, cause))
    return actions or ([] if members else [DeleteGroup()])


def _renewal(group: Group, members: Sequence[Member], so_far: Sequence[Action]) -> Iterator[Action]:
    """What a refresh ends, unless it goes already; one in standby leaves no gap."""
    gone = {each.member for each in so_far if isinstance(each, BeginTerminate)}
    for member in members:
        if member.id in group.renewal.retire and member.id not in gone:
            gap = member.lifecycle in CAPACITY
            yield BeginTerminate(member.id, REFRESH_CAUSE, chosen=True, renew=gap)


# -- one instance's life


def _live(group: Group, member: Member, now: float) -> Iterator[Action]:
    match member.lifecycle:
        case "Pending" | "Pending:Wait" | "Pending:Proceed":
            yield from _come(group, member, now)
        case "InService":
            yield from _register(group, member)
        case "Terminating" | "Terminating:Wait" | "Terminating:Proceed":
            yield from go(group, member, now)
        case "EnteringStandby" | "Detaching":
            yield from _step_aside(member)
        case warmed if warmed.startswith(WARMED):
            yield from pool.live(group, member, now)


def _come(group: Group, member: Member, now: float) -> Iterator[Action]:
    if member.ec2_state in LOST:
        yield FailLaunch(member.id)
    elif member.lifecycle == PENDING_WAIT:
        yield from wait(member, now)
    elif member.lifecycle == PENDING and member.hooked and (names := hooks(group, LAUNCHING)):
        yield Await(member.id, names, PENDING_WAIT)
    elif member.ec2_state == "running":
        yield from _register(group, member)
        yield EnterService(member.id)


def _step_aside(member: Member) -> Iterator[Action]:
    if member.registered:
        yield from deregister(member)
    elif not draining(member):
        standby = member.lifecycle == ENTERING_STANDBY
        yield EnterStandby(member.id) if standby else Forget(member.id)


def _register(group: Group, member: Member) -> Iterator[Action]:
    """Only where the group has not put it yet: whoever takes it out of one means it."""
    if "AddToLoadBalancer" not in group.suspended and member.ec2_state == "running":
        for arn in group.target_groups:
            if arn not in member.registered:
                yield Register(member.id, arn)
