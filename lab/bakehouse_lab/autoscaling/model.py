"""What decisions about a group see, and what they may ask for: states, records, actions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.warm_pool.model import EC2, Pool, PoolAction

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    updated: bool = True  # it is as the refresh under way wants it
    launched: float = 0
    in_service: float = 0  # since when
    waits: tuple[Wait, ...] = ()
    hooked: bool = True  # False: back from standby, so that launch hooks do not run again
    origin: str = EC2  # or AutoScalingGroup, WarmPool: whence it came into the state it is in
    abrupt: bool = False  # the group is deleted by force: no draining, no hooks
    registered: frozenset[str] = frozenset()  # target groups that the group put it into
    targets: Mapping[str, str] = field(default_factory=dict)  # its state in each target group


@dataclass(frozen=True, slots=True)
class Renewal:
    """What an instance refresh asks of its group at this moment."""

    surge: int = 0  # start up to so many above the desired capacity
    surplus: int = 0  # and let so many stay above it
    retire: tuple[str, ...] = ()  # end these
    pool: Renewal | None = None  # the same of the warm pool, above the size of that


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
    renewing: int = 0  # launches owed for instances that a refresh ended
    renewal: Renewal = Renewal()
    policy: tuple[int, int] | None = None  # for instance maintenance; a refresh has its own
    warmup: float = 0
    pool: Pool | None = None  # the warm pool beside it
    retry_at: float = 0  # after a launch that failed: not before
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """Start one instance."""

    subnet: str
    zone: str
    cause: str
    replaces: bool = False
    renews: bool = False  # in the place of an instance that a refresh ends


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
    chosen: bool = False  # among several that might have gone
    renew: bool = False  # a refresh puts another in its place


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
    | PoolAction
)
