"""Why a refresh waits, and why it ended. Pure.

AWS's own words, where answers of it were recorded: warm-up, instances to be available. The others
are worded alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import ENTERING_STANDBY, IN_SERVICE, STANDBY

if TYPE_CHECKING:
    from bakehouse_lab.autoscaling.model import Member
    from bakehouse_lab.autoscaling.refresh.fleet import Fleet

CANCELLED = "Cancelled due to user request."
ROLLBACK_ASKED = "Rollback triggered due to user request."
PAUSED = "Paused, because the InstanceRefresh process of the group is suspended."
EXPIRED = "The instance refresh was active for 14 days, which is the longest that one may last."


def waiting(fleet: Fleet) -> str:
    """What the refresh waits for; empty when for nothing."""
    cold = [each for each in fleet.fresh if fleet.serves(each) and not fleet.warm(each)]
    absent = [each for each in fleet.fresh if not fleet.serves(each)]
    if absent:
        return _available(_absent(absent[0]))
    if cold:
        return (
            "Waiting for instances to warm up before continuing. "
            f"For example: {cold[0].id} is warming up."
        )
    if fleet.held and not fleet.old:
        return _available(_held(fleet.held[0]))
    return ""


def _available(example: str) -> str:
    return f"Waiting for remaining instances to be available. For example: {example}"


def _absent(member: Member) -> str:
    if member.lifecycle != IN_SERVICE:
        return f"{member.id} has insufficient data to evaluate its health with Amazon EC2."
    if "unhealthy" in member.targets.values():
        return f"{member.id} is unhealthy with Elastic Load Balancing."
    return f"{member.id} has insufficient data to evaluate its health with Elastic Load Balancing."


def _held(member: Member) -> str:
    if member.lifecycle in (STANDBY, ENTERING_STANDBY):
        return f"{member.id} is in Standby. Move the instance to InService to continue."
    return f"{member.id} is protected. Remove instance scale-in protection to continue."


def resting(seconds: float) -> str:
    """At a checkpoint."""
    return f"Checkpoint reached. There are {seconds:.0f} seconds left before continuing."


def baking(seconds: float) -> str:
    """At the end.

    >>> baking(59.6)
    'Waiting for bake time to finish before continuing. There are 60 seconds left.'
    """
    return (
        f"Waiting for bake time to finish before continuing. There are {seconds:.0f} seconds left."
    )


def silent(alarm: str) -> str:
    """An alarm that has no data."""
    return f"Waiting for data of the CloudWatch alarm {alarm}, which is in INSUFFICIENT_DATA."


def rings(alarm: str) -> str:
    """An alarm that went off."""
    return f"The CloudWatch alarm {alarm} is in the ALARM state."


def stalled(seconds: float, fleet: Fleet) -> str:
    """It came no nearer to its end."""
    said = f"The instance refresh made no progress for {seconds:.0f} seconds."
    return f"{said} {waiting(fleet)}".strip()
