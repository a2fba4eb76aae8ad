"""Which instances of a group are ill, and when another takes their place. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.capacity import bounds, serves
from bakehouse_lab.autoscaling.model import (
    IN_SERVICE,
    LOST,
    TERMINATING,
    Action,
    BeginTerminate,
    Group,
    MarkUnhealthy,
    Member,
    Renewal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EC2_CAUSE = (
    "an instance was taken out of service in response to an EC2 health check indicating it has "
    "been terminated or stopped."
)
ELB_CAUSE = (
    "an instance was taken out of service in response to an ELB system health check failure."
)


def health(group: Group, members: Sequence[Member], now: float) -> list[Action]:
    """Mark what is ill; end what was marked before, so that a describe can see it in between."""
    serving = [member for member in members if member.lifecycle == IN_SERVICE]
    marks: list[Action] = []
    if "HealthCheck" not in group.suspended:
        marks = [
            MarkUnhealthy(member.id, cause)
            for member in serving
            if member.healthy and (cause := _illness(group, member, now))
        ]
    if group.suspended & {"ReplaceUnhealthy", "Terminate"}:
        return marks
    ill = [member for member in serving if not member.healthy]
    return marks + [
        BeginTerminate(member.id, member.cause, replace=True)
        for member in _replaced_now(group, members, ill, now)
    ]


def _replaced_now(
    group: Group, members: Sequence[Member], ill: Sequence[Member], now: float
) -> list[Member]:
    """What serves nothing any more goes at once; of the sick as many as may be missing."""
    lost = [member for member in ill if member.ec2_state in LOST]
    sick = [member for member in ill if member.ec2_state not in LOST]
    if group.policy:
        least, _ = bounds(group.desired, *group.policy)
        allowed = len(_ready(group, members, now)) + len(sick) - least
    else:  # a tenth of the group at a time, at least one
        under_way = sum(not m.healthy and m.lifecycle.startswith(TERMINATING) for m in members)
        allowed = max(1, group.desired // 10) - under_way
    return lost + sick[: max(0, allowed)]


def _ready(group: Group, members: Sequence[Member], now: float) -> list[Member]:
    return [
        each for each in members if serves(group, each) and now >= each.in_service + group.warmup
    ]


def relief(group: Group, staying: Sequence[Member]) -> Renewal:
    """Under a maintenance policy with room above, a replacement comes before the sick one goes."""
    sick = sum(member.lifecycle == IN_SERVICE and not member.healthy for member in staying)
    if not group.policy or not sick or group.suspended & {"ReplaceUnhealthy", "Terminate"}:
        return group.renewal
    _, most = bounds(group.desired, *group.policy)
    above = min(sick, most - group.desired)
    return Renewal(surge=above, surplus=above)


def _illness(group: Group, member: Member, now: float) -> str | None:
    """An instance that does not run is ill at once; what the load balancer says counts later."""
    if member.ec2_state in LOST:
        return EC2_CAUSE
    heard = group.elb_checks and now >= member.in_service + group.grace
    return ELB_CAUSE if heard and "unhealthy" in member.targets.values() else None
