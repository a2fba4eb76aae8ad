"""When a target is healthy: the state machine of a target group, pure.

The states, the reason codes and their meaning are those of DescribeTargetHealth. One thing is
quicker than the letter of AWS: a new target is looked at every second and not once an interval,
because an ALB's nodes each look at their own pace; its failures still count at the group's pace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

INITIAL, HEALTHY, UNHEALTHY = "initial", "healthy", "unhealthy"
DRAINING, UNUSED = "draining", "unused"

# How often a target that has not answered yet is looked at, seconds.
EAGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """How a target group wants its targets to be looked at. Times are seconds."""

    protocol: str = "HTTP"  # HTTP | HTTPS | TCP
    port: int | None = None  # None: the port that takes the traffic
    path: str = "/"
    matcher: str = "200"  # "200", "200,302", "200-399"
    interval: float = 30
    timeout: float = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look at a target found. No reason means that it is well."""

    reason: str = ""
    description: str = ""

    @property
    def passed(self) -> bool:
        """Whether the target is well."""
        return not self.reason


PASSED = Outcome()
TIMED_OUT = Outcome("Target.Timeout", "Request timed out")
REFUSED = Outcome("Target.FailedHealthChecks", "Health checks failed")


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one target. `due` and `ends` are points in time, seconds."""

    state: str
    reason: str = ""
    description: str = ""
    passed: int = 0  # looks in a row that found it well
    failed: int = 0  # and that did not
    due: float = 0  # when to look again
    counted: float | None = None  # when a failure was last counted
    ends: float | None = None  # when draining is over


NOT_REGISTERED = Health(
    UNUSED, "Target.NotRegistered", "Target is not registered to the target group"
)
NOT_IN_USE = Health(
    UNUSED,
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
STOPPED = Health(UNUSED, "Target.InvalidState", "Target is in the stopped state")
TERMINATED = Health(UNUSED, "Target.InvalidState", "Target is in the terminated state")


def registered(now: float) -> Health:
    """A new target: no traffic before the first look that finds it well."""
    return Health(
        INITIAL,
        "Elb.RegistrationInProgress",
        "Target registration is in progress",
        due=now,
    )


def deregistered(delay: float, now: float) -> Health:
    """A target that gets no new requests, and `delay` seconds to end those under way."""
    return Health(
        DRAINING,
        "Target.DeregistrationInProgress",
        "Target deregistration is in progress",
        ends=now + delay,
    )


def over(health: Health, now: float) -> bool:
    """Whether a target has drained, and is to be forgotten."""
    return health.state == DRAINING and health.ends is not None and now >= health.ends


def looked(health: Health, outcome: Outcome, check: Check, now: float) -> Health:
    """What is known of the target after one more look.

    A draining target stays draining, however well it answers.
    """
    if health.state == DRAINING:
        return health
    return _well(health, check, now) if outcome.passed else _ill(health, outcome, check, now)


def _well(health: Health, check: Check, now: float) -> Health:
    known = replace(health, passed=health.passed + 1, failed=0, due=now + check.interval)
    # One success is enough for a target that is new; one that was given up must earn it.
    enough = 1 if health.state == INITIAL else check.healthy_threshold
    if known.passed < enough:
        return known
    return replace(known, state=HEALTHY, reason="", description="", counted=None)


def _ill(health: Health, outcome: Outcome, check: Check, now: float) -> Health:
    new = health.state == INITIAL
    due = now + (min(EAGER_SECONDS, check.interval) if new else check.interval)
    known = replace(health, passed=0, due=due)
    if new:
        known = replace(
            known,
            reason="Elb.InitialHealthChecking",
            description="Initial health checks in progress",
        )
        if health.counted is not None and now < health.counted + check.interval:
            return known
    known = replace(known, failed=health.failed + 1, counted=now)
    if health.state != UNHEALTHY and known.failed < check.unhealthy_threshold:
        return known
    return replace(
        known,
        state=UNHEALTHY,
        reason=outcome.reason,
        description=outcome.description,
        due=now + check.interval,
    )


def answered(code: int, matcher: str) -> Outcome:
    """What an HTTP answer says.

    >>> answered(204, "200-299,302").passed
    True
    >>> answered(500, "200").description
    'Health checks failed with these codes: [500]'
    """
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        if int(low) <= code <= int(high or low):
            return PASSED
    return Outcome(
        "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]"
    )


def modes(targets: Mapping[str, Health]) -> dict[str, str]:
    """What each target may get: `ready` (requests), `drain` (no new ones) or `maint` (none).

    Fails open as an ALB does: when no target is healthy, the unhealthy ones get the requests,
    because an answer from a sick host is worth more than none. A new target never does.
    """
    open_ = not any(each.state == HEALTHY for each in targets.values())
    serving = {HEALTHY, UNHEALTHY} if open_ else {HEALTHY}
    return {
        name: "ready" if each.state in serving else "drain" if each.state == DRAINING else "maint"
        for name, each in targets.items()
    }
