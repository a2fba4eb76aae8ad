"""What decisions see of an instance refresh, and what they may ask for. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import Renewal

if TYPE_CHECKING:
    from collections.abc import Mapping

PENDING, IN_PROGRESS, BAKING = "Pending", "InProgress", "Baking"
CANCELLING, ROLLING_BACK = "Cancelling", "RollbackInProgress"
SUCCESSFUL, FAILED, CANCELLED = "Successful", "Failed", "Cancelled"
ROLLED_BACK, ROLLBACK_FAILED = "RollbackSuccessful", "RollbackFailed"

# In these a group starts what the refresh wants, and no longer (or not again) what it was.
FORWARD = frozenset({PENDING, IN_PROGRESS, BAKING})
ACTIVE = FORWARD | {CANCELLING, ROLLING_BACK}

# A refresh that nothing else ended; and one that comes no nearer to its end.
LONGEST_SECONDS, STALL_SECONDS = 14 * 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class Preferences:
    """How to go about it, with every default filled in."""

    least: int = 90  # MinHealthyPercentage
    most: int | None = None  # MaxHealthyPercentage; None is not 100: see `capacity.bounds`
    warmup: int = 0
    checkpoints: tuple[int, ...] = ()
    delay: int = 0
    skip_matching: bool = False
    auto_rollback: bool = False
    protected: str = "Wait"  # | Refresh | Ignore
    standby: str = "Wait"  # | Terminate | Ignore
    alarms: tuple[str, ...] = ()
    bake: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """How far the group is and how far its warm pool: (percentage, instances to update) of each."""

    live: tuple[int, int]
    pool: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh under way, as far as decisions need it."""

    preferences: Preferences
    status: str = PENDING
    began: float = 0  # to replace, or to roll back
    progressed: float = 0  # came nearer to its end the last time
    best: int = -(10**6)  # how near that was: `Fleet.nearness`
    until: float = 0  # rests at a checkpoint, or bakes
    reached: int = 0  # the last checkpoint, in percent
    reached_of: int = 0  # and of how many instances
    percentage: int = 0
    to_update: int = 0
    parts: Parts | None = None  # None: there is no warm pool
    reason: str = ""
    alarms: Mapping[str, str] = field(default_factory=dict)  # their states now
    settles: bool = True  # cancelled: waits for what comes and goes
    stall: float = STALL_SECONDS


@dataclass(frozen=True, slots=True)
class Begin:
    """Replace from now on."""


@dataclass(frozen=True, slots=True)
class Note:
    """How far it is, and what it waits for."""

    percentage: int
    to_update: int
    reason: str
    nearness: int
    parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """A checkpoint: rest for the delay."""

    percentage: int
    of: int  # instances


@dataclass(frozen=True, slots=True)
class FallBehind:
    """The group grew: a checkpoint that was reached is ahead again."""

    reached: int  # the last one that still is


@dataclass(frozen=True, slots=True)
class Bake:
    """All is replaced: watch for a while before that counts."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """Put back what was replaced."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """It is over."""

    status: str
    reason: str = ""


Change = Begin | Note | Reach | FallBehind | Bake | RollBack | End


@dataclass(frozen=True, slots=True)
class Plan:
    """What the group is asked for, and what becomes of the refresh."""

    renewal: Renewal = field(default_factory=Renewal)
    changes: tuple[Change, ...] = ()
    excused: bool = False  # it rests because somebody wants so: that is no stall
