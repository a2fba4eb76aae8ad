"""An instance refresh as we see it and ask for it: states, preferences, waves, ends. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bakehouse.fleet.account import Group
    from bakehouse.fleet.group import Fleet
    from bakehouse.images.image import Image

SUCCESSFUL, FAILED, CANCELLED = "Successful", "Failed", "Cancelled"
ROLLED_BACK, ROLLBACK_FAILED = "RollbackSuccessful", "RollbackFailed"
PENDING, IN_PROGRESS, BAKING = "Pending", "InProgress", "Baking"
CANCELLING, ROLLING_BACK = "Cancelling", "RollbackInProgress"

# How a refresh ends, and with what exit status the command that watched it does.
ENDS = {SUCCESSFUL: 0, FAILED: 3, CANCELLED: 4, ROLLED_BACK: 5, ROLLBACK_FAILED: 6}
LOST_CONTACT, UNDER_WAY = 7, 8

# It brings new hosts, and could be turned round.
FORWARD = (PENDING, IN_PROGRESS, BAKING)

# How the description of a launch template version begins that was made for a refresh.
MARK = "bakehouse refresh: "


@dataclass(frozen=True, slots=True)
class Refresh:
    """An instance refresh at one moment."""

    id: str
    status: str  # as AWS calls it
    version: str = ""  # of the launch template, that it brings; empty: the group's own
    image: str = ""  # of that version
    ours: bool = False  # the version was made for a refresh by us
    percentage: int = 0
    reason: str = ""  # what it waits for, or why it ended, in AWS's words
    turned: str = ""  # why it was rolled back, in AWS's words
    began: float | None = None  # seconds since 1970
    ended: float | None = None
    checkpoints: tuple[int, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)  # the preferences that it was begun with

    @property
    def active(self) -> bool:
        """It is not over. (A state that is not known yet is none that we know as an end.)"""
        return self.status not in ENDS

    @property
    def why(self) -> str:
        """Why it did not go well, as far as AWS says."""
        said = dict.fromkeys(part for part in (self.turned, self.reason) if part)
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a refresh; times are in seconds."""

    canary: int = 0  # how long one new host is watched before there are more; 0: no canary
    warmup: int = 30  # a new host counts after so long in service
    bake: int = 0  # how long all new hosts are watched before that counts
    alarms: tuple[str, ...] = ()
    at_once: int = 0  # new hosts beside the old ones; 0: by the group's size
    connections: int = 0  # that the database takes; 0: not known
    connections_per_host: int = 0
    again: bool = False  # also when the image was rolled back before


@dataclass(frozen=True, slots=True)
class Seen:
    """A group and its refresh at one moment."""

    refresh: Refresh
    fleet: Fleet
    at: float  # by the clock of whoever looked


def description(group: Group, image: Image) -> str:
    """What a launch template version says of itself, and by what it is found again.

    A version never changes: one that says so is what a second one would be.
    """
    return f"{MARK}{image.id} in place of version {group.version} ({image.name})"[:255]


def usual(desired: int) -> int:
    """How many new hosts come at once when nobody says: all of a small group, a quarter of a large.

    >>> [usual(size) for size in (1, 2, 4, 5, 10, 40)]
    [1, 2, 4, 2, 3, 10]
    """
    return desired if desired <= 4 else math.ceil(desired / 4)


def most(desired: int, at_once: int) -> int:
    """MaxHealthyPercentage for so many above the desired capacity. Neither may be 0.

    >>> most(2, 2), most(4, 1), most(3, 1), most(1, 1)
    (200, 125, 134, 200)
    """
    return min(200, math.ceil(100 * (desired + at_once) / desired))


def first_checkpoint(desired: int) -> int:
    """The percentage at which one host is new: of over 100, one of a hundred (AWS knows no less).

    >>> first_checkpoint(2), first_checkpoint(3), first_checkpoint(7), first_checkpoint(500)
    (50, 33, 14, 1)
    """
    return max(1, 100 // desired)


def preferences(order: Order, desired: int, at_once: int) -> dict[str, Any]:
    """What AWS is told: a host comes before one goes, and what fails is put back.

    Whoever is put aside or protected in the middle stays as it is: at the start nobody is.
    """
    said: dict[str, Any] = {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": most(desired, at_once),
        "InstanceWarmup": order.warmup,
        "SkipMatching": True,
        "AutoRollback": True,
        "StandbyInstances": "Ignore",
        "ScaleInProtectedInstances": "Ignore",
        "BakeTime": order.bake,
    }
    if order.alarms:
        said["AlarmSpecification"] = {"Alarms": list(order.alarms)}
    if order.canary and desired > 1:
        said["CheckpointPercentages"] = [first_checkpoint(desired), 100]
        said["CheckpointDelay"] = order.canary
    elif order.canary:
        said["BakeTime"] = max(order.bake, order.canary)  # the only host is the canary
    return said


def waves(order: Order, left: int, at_once: int) -> list[int]:
    """How many hosts are new after each wave, of `left` that are to be replaced.

    >>> waves(Order(), 4, 4), waves(Order(), 5, 2), waves(Order(canary=60), 4, 2)
    ([4], [2, 2, 1], [1, 2, 1])
    """
    sizes = [1] if order.canary and left > 1 else []
    while (rest := left - sum(sizes)) > 0:
        sizes.append(min(at_once, rest))
    return sizes


@dataclass(frozen=True, slots=True)
class Pace:
    """What a new host takes, in seconds: until it could serve, and then to be found healthy."""

    boot: float
    health: float
    seen: str = ""  # where the time to boot was seen; empty: nowhere

    @property
    def measured(self) -> bool:
        """Whether it is this group's own, and not a guess."""
        return bool(self.seen)

    def wave(self, order: Order) -> float:
        """One wave: hosts boot side by side, and warm up while they are asked for their health."""
        return self.boot + max(self.health, order.warmup)


def eta(order: Order, desired: int, sizes: Sequence[int], pace: Pace) -> float:
    """How long the whole refresh takes, in seconds, if nothing goes wrong.

    >>> eta(Order(warmup=30, canary=60), 4, [1, 3], Pace(boot=20, health=10))
    160.0
    """
    if not sizes:
        return 0
    told = preferences(order, desired, 1)
    rests = float(told.get("CheckpointDelay", 0) + told["BakeTime"])
    return len(sizes) * pace.wave(order) + rests


def boot_of(refresh: Refresh, desired: int, health: float) -> float | None:
    """What a host took to boot in a refresh that is over, in seconds; None when it does not tell.

    Only one that went well tells, and one that replaced nobody does not. `desired` is what the
    group has now: then it had as many, as far as anybody knows.
    """
    if refresh.status != SUCCESSFUL or refresh.began is None or refresh.ended is None:
        return None
    told = refresh.told
    stops = sum(each < 100 for each in refresh.checkpoints)
    rests = stops * told.get("CheckpointDelay", 0) + told.get("BakeTime", 0)
    at_once = max(1, desired * told.get("MaxHealthyPercentage", 100) // 100 - desired)
    number = len(waves(Order(canary=stops), desired, at_once)) or 1
    wave = (refresh.ended - refresh.began - rests) / number
    boot = wave - max(health, told.get("InstanceWarmup", 0))
    return boot if boot > 0 else None
