"""The first new host of a refresh, compared with the old ones: is it worse than allowed? Pure.

A load balancer counts requests, errors and seconds for a group of targets and not for each. What
the new host has of them is worked out: they are shared out evenly, and the old hosts answer as they
did before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse.refresh.rolling import IN_PROGRESS

if TYPE_CHECKING:
    from bakehouse.fleet.group import Host
    from bakehouse.refresh.rolling import Seen


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a target group answered in some time."""

    requests: float
    errors: float  # answers 5xx of the hosts
    latency: float  # mean, seconds

    @property
    def error_rate(self) -> float:
        """Errors of all requests, 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0

    def __str__(self) -> str:
        """For a person."""
        return f"{100 * self.error_rate:.1f} % errors, {1000 * self.latency:.0f} ms"


@dataclass(frozen=True, slots=True)
class Allowed:
    """How much worse a canary may be."""

    errors: float = 0.01  # more of all its requests
    latency: float = 1.5  # times as slow
    slack: float = 0.05  # seconds that never count: a fast page doubles for nothing
    requests: int = 100  # of the canary; after fewer nothing is said of rates


def canaries(seen: Seen) -> tuple[Host, ...]:
    """The hosts on trial: those that are new before the first checkpoint is passed; else none."""
    first = seen.refresh.checkpoints[:1]
    if not first or first[0] == 100 or seen.refresh.status != IN_PROGRESS:
        return ()
    allowed = max(1, -(-seen.fleet.wanted * first[0] // 100))
    new = seen.fleet.new
    return new if len(new) <= allowed else ()


def share(before: Traffic, during: Traffic, new: int, hosts: int) -> Traffic:
    """What `new` of `hosts` answered of `during`, if the others answered as `before`.

    >>> share(Traffic(900, 0, 0.1), Traffic(400, 50, 0.2), 1, 4)
    Traffic(requests=100.0, errors=50.0, latency=0.5)
    """
    part = during.requests * new / hosts
    old = during.requests - part
    errors = min(part, max(0.0, during.errors - old * before.error_rate))
    seconds = during.requests * during.latency - old * before.latency
    return Traffic(part, errors, max(0.0, seconds / part) if part else 0.0)


def worse(old: Traffic, new: Traffic, allowed: Allowed) -> str:
    """Why the new one may not go on; empty when it may, or nothing can be said yet."""
    if new.requests < allowed.requests:
        return ""
    numbers = f"{new} against {old}, of {new.requests:.0f} requests"
    if new.error_rate > old.error_rate + allowed.errors:
        return f"it answers with more errors than the old hosts: {numbers}"
    if new.latency > old.latency * allowed.latency + allowed.slack:
        return f"it answers more slowly than the old hosts: {numbers}"
    return ""


def standing(old: Traffic | None, new: Traffic | None, allowed: Allowed) -> str:
    """What the comparison rests on, for a person."""
    if old is None or new is None:
        return "the load balancer has no metrics in CloudWatch: judged by target health alone"
    if new.requests < allowed.requests:
        return f"{new.requests:.0f} of the {allowed.requests} requests that it takes to compare"
    return f"canary {new}; old hosts {old}"
