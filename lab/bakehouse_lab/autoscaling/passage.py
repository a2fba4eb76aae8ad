"""What instances of a group and of its warm pool pass through alike: hooks, the way out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import (
    ENDING,
    GONE,
    LOST,
    PENDING_PROCEED,
    TERMINATING,
    TERMINATING_PROCEED,
    TERMINATING_WAIT,
    Action,
    Await,
    BeginTerminate,
    Deregister,
    Forget,
    Group,
    Member,
    Proceed,
    Terminate,
)
from bakehouse_lab.autoscaling.warm_pool.model import WARMED

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(lifecycle: str) -> bool:
    """It is being ended.

    >>> leaves("Terminating:Wait"), leaves("Warmed:Terminating"), leaves("InService")
    (True, True, False)
    """
    return lifecycle.removeprefix(WARMED).startswith(TERMINATING)


def hooks(group: Group, transition: str) -> tuple[str, ...]:
    """The names of the hooks that an instance waits for."""
    return tuple(hook.name for hook in group.hooks if hook.transition == transition)


def wait(member: Member, now: float) -> Iterator[Action]:
    """On the way in: on, when all hooks say so; out, when one gives up."""
    verdicts = [each.verdict(now) for each in member.waits]
    if "ABANDON" in verdicts:
        yield BeginTerminate(
            member.id,
            f"instance {member.id} was taken out of service because its launch was abandoned by "
            "a lifecycle hook.",
        )
    elif None not in verdicts:
        yield Proceed(member.id, _beside(member) + PENDING_PROCEED)


def go(group: Group, member: Member, now: float) -> Iterator[Action]:
    """Out of the load balancer, past the hooks, gone."""
    step = member.lifecycle.removeprefix(WARMED)
    if member.ec2_state == "terminated":
        yield from deregister(member)
        yield Forget(member.id)
    elif step == TERMINATING_PROCEED or member.abrupt:
        if member.ec2_state not in GONE:
            yield Terminate(member.id)
    elif step == TERMINATING_WAIT:
        verdicts = [each.verdict(now) for each in member.waits]
        if "ABANDON" in verdicts or None not in verdicts:
            yield Proceed(member.id, _beside(member) + TERMINATING_PROCEED)
    else:
        yield from _drain(group, member)


def _drain(group: Group, member: Member) -> Iterator[Action]:
    """Out of the load balancer first; an instance that serves nothing has nothing to drain."""
    if member.registered:
        yield from deregister(member)
    elif member.ec2_state in LOST or not draining(member):
        names = hooks(group, ENDING)
        if names:
            yield Await(member.id, names, _beside(member) + TERMINATING_WAIT)
        else:
            yield Proceed(member.id, _beside(member) + TERMINATING_PROCEED)


def deregister(member: Member) -> Iterator[Action]:
    """Out of all target groups."""
    return (Deregister(member.id, arn) for arn in sorted(member.registered))


def draining(member: Member) -> bool:
    """Requests are under way still."""
    return "draining" in member.targets.values()


def _beside(member: Member) -> str:
    """What the names of its states begin with."""
    return WARMED if member.lifecycle.startswith(WARMED) else ""
