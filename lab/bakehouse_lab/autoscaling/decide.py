"""What an Auto Scaling group does next: (the group, its instances, now) -> actions. Pure.

Each call looks at everything and returns all that is to be done at once. Nothing is remembered
here: the actions change the records, and the next look sees them changed. The order of an
instance's life is AWS's:

    launch      Pending -> [hooks: Pending:Wait -> Pending:Proceed] -> registered -> InService
    terminate   Terminating, deregistered, drained -> [hooks: Terminating:Wait ->
                Terminating:Proceed] -> gone

The terminating hooks run after the load balancer has drained the instance, so that a hook finds
it idle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PENDING, PENDING_WAIT, PENDING_PROCEED = "Pending", "Pending:Wait", "Pending:Proceed"
IN_SERVICE = "InService"
TERMINATING, TERMINATING_WAIT = "Terminating", "Terminating:Wait"
TERMINATING_PROCEED = "Terminating:Proceed"
ENTERING_STANDBY, STANDBY, DETACHING = "EnteringStandby", "Standby", "Detaching"

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"

# Instances in these states are the group's capacity; the others are on their way out of it.
CAPACITY = frozenset({PENDING, PENDING_WAIT, PENDING_PROCEED, IN_SERVICE})

# The states of an EC2 instance from which it does not come back by itself.
LOST = frozenset({"stopping", "stopped", "shutting-down", "terminated"})
GONE = frozenset({"shutting-down", "terminated"})

EC2_CAUSE = (
    "an instance was taken out of service in response to an EC2 health check indicating it has "
    "been terminated or stopped."
)
ELB_CAUSE = (
    "an instance was taken out of service in response to an ELB system health check failure."
)


@dataclass(frozen=True, slots=True)
class Hook:
    """A lifecycle hook of the group."""

    name: str
    transition: str  # LAUNCHING | ENDING
    timeout: float  # seconds without a heartbeat until the default result counts
    default_result: str  # CONTINUE | ABANDON


@dataclass(frozen=True, slots=True)
class Wait:
    """A lifecycle action under way: what one hook of one instance waits for."""

    hook: str
    deadline: float
    default_result: str
    result: str | None = None  # what CompleteLifecycleAction said

    def verdict(self, now: float) -> str | None:
        """CONTINUE, ABANDON, or None while it is open."""
        return self.result or (self.default_result if now >= self.deadline else None)


@dataclass(frozen=True, slots=True)
class Member:
    """An instance of the group."""

    id: str
    lifecycle: str
    subnet: str
    zone: str
    ec2_state: str  # pending | running | stopping | ...
    healthy: bool = True
    cause: str = ""  # why it is not healthy
    protected: bool = False
    current: bool = True  # started from what the group would start now
    launched: float = 0
    in_service: float = 0  # since when
    waits: tuple[Wait, ...] = ()
    hooked: bool = True  # False: back from standby, so that launch hooks do not run again
    abrupt: bool = False  # the group is deleted by force: no draining, no hooks
    registered: frozenset[str] = frozenset()  # target groups that the group put it into
    targets: Mapping[str, str] = field(default_factory=dict)  # its state in each target group


@dataclass(frozen=True, slots=True)
class Group:
    """A group's record, as far as decisions need it."""

    name: str
    minimum: int
    maximum: int
    desired: int
    places: tuple[tuple[str, str], ...]  # (subnet, zone); the subnet may be empty
    hooks: tuple[Hook, ...] = ()
    target_groups: tuple[str, ...] = ()
    elb_checks: bool = False
    grace: float = 0
    policies: tuple[str, ...] = ("Default",)
    suspended: frozenset[str] = frozenset()
    replacing: int = 0  # launches owed for instances that failed a health check
    retry_at: float = 0  # after a launch that failed: not before
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """Start one instance."""

    subnet: str
    zone: str
    cause: str
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class FailLaunch:
    """The instance did not come up: its activity failed, and the group waits before it retries."""

    member: str


@dataclass(frozen=True, slots=True)
class Await:
    """Begin the lifecycle actions of these hooks, and wait."""

    member: str
    hooks: tuple[str, ...]
    lifecycle: str


@dataclass(frozen=True, slots=True)
class Proceed:
    """Go on: the hooks are done."""

    member: str
    lifecycle: str


@dataclass(frozen=True, slots=True)
class Register:
    """Put the instance into a target group."""

    member: str
    target_group: str


@dataclass(frozen=True, slots=True)
class Deregister:
    """Take the instance out of a target group; its requests under way may end."""

    member: str
    target_group: str


@dataclass(frozen=True, slots=True)
class EnterService:
    """The instance does its work from now on."""

    member: str


@dataclass(frozen=True, slots=True)
class EnterStandby:
    """The instance has drained and rests."""

    member: str


@dataclass(frozen=True, slots=True)
class MarkUnhealthy:
    """A health check failed."""

    member: str
    cause: str


@dataclass(frozen=True, slots=True)
class BeginTerminate:
    """Take the instance out of service."""

    member: str
    cause: str
    replace: bool = False  # another is to be started in its place
    surplus: bool = False  # chosen because there are too many


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the EC2 instance."""

    member: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The instance is no longer the group's; its activity is done."""

    member: str


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """Nothing is left of it."""


Action = (
    Launch
    | FailLaunch
    | Await
    | Proceed
    | Register
    | Deregister
    | EnterService
    | EnterStandby
    | MarkUnhealthy
    | BeginTerminate
    | Terminate
    | Forget
    | DeleteGroup
)


def decide(group: Group, members: Sequence[Member], now: float) -> list[Action]:
    """All that is to be done now.

    Never starts an instance that would make the capacity larger than desired, nor any while Launch
    is suspended; never ends one that serves while Terminate is suspended.
    """
    if group.deleting:
        return _dissolve(group, members, now)
    actions: list[Action] = [each for member in members for each in _live(group, member, now)]
    actions += _health(group, members, now)
    # A launch that failed still counts: the next look knows when to try again.
    ended = [each for each in actions if isinstance(each, BeginTerminate)]
    leaving = {each.member for each in ended}
    owed = group.replacing + sum(each.replace for each in ended)
    staying = [each for each in members if each.id not in leaving]
    actions += _capacity(replace(group, replacing=owed), staying, now)
    return actions


def _dissolve(group: Group, members: Sequence[Member], now: float) -> list[Action]:
    actions: list[Action] = []
    for member in members:
        if member.lifecycle.startswith(TERMINATING):
            actions += _go(group, member, now)
        else:
            cause = "an instance was taken out of service in response to its group being deleted."
            actions.append(BeginTerminate(member.id, cause))
    return actions or ([] if members else [DeleteGroup()])


# -- one instance's life


def _live(group: Group, member: Member, now: float) -> Iterator[Action]:
    match member.lifecycle:
        case "Pending" | "Pending:Wait" | "Pending:Proceed":
            yield from _come(group, member, now)
        case "InService":
            yield from _register(group, member)
        case "Terminating" | "Terminating:Wait" | "Terminating:Proceed":
            yield from _go(group, member, now)
        case "EnteringStandby" | "Detaching":
            yield from _step_aside(member)


def _come(group: Group, member: Member, now: float) -> Iterator[Action]:
    if member.ec2_state in LOST:
        yield FailLaunch(member.id)
    elif member.lifecycle == PENDING_WAIT:
        yield from _wait(member, now)
    elif member.lifecycle == PENDING and member.hooked and (names := _hooks(group, LAUNCHING)):
        yield Await(member.id, names, PENDING_WAIT)
    elif member.ec2_state == "running":
        yield from _register(group, member)
        yield EnterService(member.id)


def _wait(member: Member, now: float) -> Iterator[Action]:
    verdicts = [wait.verdict(now) for wait in member.waits]
    if "ABANDON" in verdicts:
        yield BeginTerminate(
            member.id,
            f"instance {member.id} was taken out of service because its launch was abandoned by "
            "a lifecycle hook.",
        )
    elif None not in verdicts:
        yield Proceed(member.id, PENDING_PROCEED)


def _go(group: Group, member: Member, now: float) -> Iterator[Action]:
    if member.ec2_state == "terminated":
        yield from _deregister(member)
        yield Forget(member.id)
    elif member.lifecycle == TERMINATING_PROCEED or member.abrupt:
        if member.ec2_state not in GONE:
            yield Terminate(member.id)
    elif member.lifecycle == TERMINATING_WAIT:
        verdicts = [wait.verdict(now) for wait in member.waits]
        if "ABANDON" in verdicts or None not in verdicts:
            yield Proceed(member.id, TERMINATING_PROCEED)
    else:
        yield from _drain(group, member)


def _drain(group: Group, member: Member) -> Iterator[Action]:
    """Out of the load balancer first; an instance that serves nothing has nothing to drain."""
    if member.registered:
        yield from _deregister(member)
    elif member.ec2_state in LOST or not _draining(member):
        names = _hooks(group, ENDING)
        if names:
            yield Await(member.id, names, TERMINATING_WAIT)
        else:
            yield Proceed(member.id, TERMINATING_PROCEED)


def _step_aside(member: Member) -> Iterator[Action]:
    if member.registered:
        yield from _deregister(member)
    elif not _draining(member):
        standby = member.lifecycle == ENTERING_STANDBY
        yield EnterStandby(member.id) if standby else Forget(member.id)


def _register(group: Group, member: Member) -> Iterator[Action]:
    """Only where the group has not put it yet: whoever takes it out of one means it."""
    if "AddToLoadBalancer" not in group.suspended and member.ec2_state == "running":
        for arn in group.target_groups:
            if arn not in member.registered:
                yield Register(member.id, arn)


def _deregister(member: Member) -> Iterator[Action]:
    return (Deregister(member.id, arn) for arn in sorted(member.registered))


def _draining(member: Member) -> bool:
    return "draining" in member.targets.values()


def _hooks(group: Group, transition: str) -> tuple[str, ...]:
    return tuple(hook.name for hook in group.hooks if hook.transition == transition)


# -- health


def _health(group: Group, members: Sequence[Member], now: float) -> list[Action]:
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
    under_way = sum(not m.healthy and m.lifecycle.startswith(TERMINATING) for m in members)
    ill = [member for member in serving if not member.healthy]
    return marks + [
        BeginTerminate(member.id, member.cause, replace=True)
        for member in _replaced_now(ill, max(1, group.desired // 10) - under_way)
    ]


def _replaced_now(ill: Sequence[Member], allowed: int) -> list[Member]:
    """A tenth of the group at a time, at least one; what serves nothing any more need not wait."""
    lost = [member for member in ill if member.ec2_state in LOST]
    sick = [member for member in ill if member.ec2_state not in LOST]
    return lost + sick[: max(0, allowed)]


def _illness(group: Group, member: Member, now: float) -> str | None:
    """An instance that does not run is ill at once; what the load balancer says counts later."""
    if member.ec2_state in LOST:
        return EC2_CAUSE
    heard = group.elb_checks and now >= member.in_service + group.grace
    return ELB_CAUSE if heard and "unhealthy" in member.targets.values() else None


# -- capacity


def _capacity(group: Group, members: Sequence[Member], now: float) -> Iterator[Action]:
    live = [member for member in members if member.lifecycle in CAPACITY]
    missing = group.desired - len(live)
    if missing > 0 and "Launch" not in group.suspended and now >= group.retry_at:
        yield from _launch(group, live, missing)
    elif missing < 0 and "Terminate" not in group.suspended:
        yield from _shrink(group, live, -missing)


def _launch(group: Group, live: Sequence[Member], missing: int) -> Iterator[Action]:
    for subnet, zone in _spread(group, live, missing):
        replaces = missing <= group.replacing
        cause = (
            "an instance was launched in response to an unhealthy instance needing to be replaced."
            if replaces
            else "an instance was started in response to a difference between desired and actual "
            f"capacity, increasing the capacity from {len(live)} to {group.desired}."
        )
        missing -= 1
        yield Launch(subnet, zone, cause, replaces)


def _spread(group: Group, live: Sequence[Member], missing: int) -> Iterator[tuple[str, str]]:
    """The zone with the fewest instances, and in it the subnet with the fewest."""
    zones, subnets = Counter(m.zone for m in live), Counter(m.subnet for m in live)
    for _ in range(missing if group.places else 0):
        subnet, zone = min(group.places, key=lambda place: (zones[place[1]], subnets[place[0]]))
        zones[zone] += 1
        subnets[subnet] += 1
        yield subnet, zone


def _shrink(group: Group, live: Sequence[Member], surplus: int) -> Iterator[Action]:
    left, size = list(live), len(live)
    for _ in range(surplus):
        victim = _victim(group, left)
        if victim is None:
            return
        left.remove(victim)
        yield BeginTerminate(
            victim.id,
            "an instance was taken out of service in response to a difference between desired and "
            f"actual capacity, shrinking the capacity from {size} to {group.desired}.",
            surplus=True,
        )


def _victim(group: Group, live: Sequence[Member]) -> Member | None:
    """Whom to end: sick before well, the fullest zone first, and then as the policies say."""
    zones = Counter(member.zone for member in live)
    policies = [*group.policies, "OldestLaunchTemplate", "OldestInstance"]

    def rank(member: Member) -> tuple[object, ...]:
        by_policy = [_AGES[policy](member) for policy in policies if policy in _AGES]
        return (member.healthy, -zones[member.zone], *by_policy, member.id)

    return min((each for each in live if not each.protected), key=rank, default=None)


_AGES: Mapping[str, Callable[[Member], float]] = {
    "NewestInstance": lambda member: -member.launched,
    "OldestInstance": lambda member: member.launched,
    "OldestLaunchTemplate": lambda member: member.current,
    "OldestLaunchConfiguration": lambda member: member.current,
}
