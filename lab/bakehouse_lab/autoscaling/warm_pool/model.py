"""What decisions see of a warm pool, and what they may ask for: states, the pool, actions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.model import Member

# Before the names of the states that an instance goes through inside and outside of the pool.
WARMED = "Warmed:"

PENDING, PENDING_WAIT = "Warmed:Pending", "Warmed:Pending:Wait"
STOPPED, RUNNING = "Warmed:Stopped", "Warmed:Running"
TERMINATING = "Warmed:Terminating"

STEADY = frozenset({STOPPED, RUNNING})

# Where an instance comes from and goes to, as lifecycle hooks are told.
EC2, GROUP, POOL = "EC2", "AutoScalingGroup", "WarmPool"


def pooled(lifecycle: str) -> bool:
    """In the pool, or on its way into it.

    >>> [pooled(each) for each in ("Warmed:Pending:Wait", "Warmed:Terminating", "InService")]
    [True, False, False]
    """
    return lifecycle.startswith(WARMED) and not lifecycle.startswith(TERMINATING)


@dataclass(frozen=True, slots=True)
class Pool:
    """A warm pool as it was asked for."""

    state: str = "Stopped"  # | Running: how its instances wait
    minimum: int = 0
    prepared: int | None = None  # MaxGroupPreparedCapacity
    reuse: bool | None = None  # ReuseOnScaleIn; None where no policy was given
    deleting: bool = False

    def size(self, desired: int, maximum: int) -> int:
        """How many belong into it. The user guide's examples:

        >>> Pool().size(desired=6, maximum=10), Pool(prepared=8).size(desired=6, maximum=20)
        (4, 2)
        >>> Pool(prepared=4, minimum=2).size(desired=6, maximum=10)
        2
        """
        prepared = maximum if self.prepared is None else self.prepared
        return max(self.minimum, prepared - desired)

    def shown(self) -> dict[str, Any]:
        """As the API shows it; what was not given is not there."""
        said = {
            "MinSize": self.minimum,
            "MaxGroupPreparedCapacity": self.prepared,
            "PoolState": self.state,
            "Status": "PendingDelete" if self.deleting else None,
            "InstanceReusePolicy": None if self.reuse is None else {"ReuseOnScaleIn": self.reuse},
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a pool has to offer to its group at this moment."""

    ready: Sequence[Member] = ()  # may be taken into service
    room: int = 0  # so many may return from it


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Start one instance into the pool."""

    subnet: str
    zone: str
    cause: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop the EC2 instance: it is ready to wait."""

    member: str


@dataclass(frozen=True, slots=True)
class Settle:
    """It is in the pool."""

    member: str
    lifecycle: str  # STOPPED | RUNNING


@dataclass(frozen=True, slots=True)
class Take:
    """Bring an instance of the pool into service, in the place of a launch."""

    member: str
    cause: str
    replaces: bool = False
    renews: bool = False


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Take the instance out of service and keep it in the pool."""

    member: str
    cause: str


@dataclass(frozen=True, slots=True)
class DropPool:
    """Nothing is left of it."""


PoolAction = WarmUp | Halt | Settle | Take | GiveBack | DropPool
