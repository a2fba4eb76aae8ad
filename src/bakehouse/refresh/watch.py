"""Refresh a group: begin, watch until it is over, turn it round when a new host is no good.

The replacing is AWS's. What is here decides whether and how it begins, looks on, and ends no sooner
than AWS does: whoever watches may be killed, and started again takes up the same refresh, which is
known by the launch template version that it brings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bakehouse.refresh.canary import Allowed, Traffic, canaries, share, standing, worse
from bakehouse.refresh.contact import lost
from bakehouse.refresh.rolling import FORWARD, IN_PROGRESS, Seen
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bakehouse.fleet.account import Group
    from bakehouse.images.image import Image
    from bakehouse.refresh.contact import Contact
    from bakehouse.refresh.rolling import Refresh


# Looks at a refresh: often enough to see each host come and go, and at its end oftener, so that
# whoever waits waits for AWS. (Every 2 s added up to 6.4 % to a refresh of 44 s.)
BETWEEN_SECONDS, BETWEEN_NEAR_SECONDS = 2.0, 0.5
SOON_SECONDS = 10.0


class World(Protocol):
    """What the verb needs of the account; `bakehouse.refresh.account.Refreshes` has it."""

    def refreshes(self, group: Group) -> list[Refresh]:
        """The group's refreshes, the newest first."""

    def spare(self, group: Group, image: Image) -> str:
        """A version that was made for a refresh of this group to the image; empty: none."""

    def publish(self, group: Group, image: Image) -> str:
        """Make one; returns its number."""

    def withdraw(self, group: Group, version: str) -> None:
        """Take it away."""

    def start(self, group: Group, version: str, preferences: Mapping[str, Any]) -> str:
        """Begin a refresh; returns its id."""

    def cancel(self, group: Group) -> None:
        """Stop the refresh under way where it is."""

    def roll_back(self, group: Group) -> None:
        """Turn it round."""

    def look(self, group: Group, id: str) -> Seen:
        """The group and that refresh now."""

    def traffic(self, group: Group, since: float, until: float) -> Traffic | None:
        """What the group's targets answered; None where nobody counts."""


def begin(
    world: World, group: Group, image: Image, preferences: Mapping[str, Any], contact: Contact
) -> str:
    """Begin a refresh of `group` to the image; returns its id. The group itself is not changed.

    Whatever goes wrong, also an interrupt: either it has begun, or the version that was made for it
    is gone again. Raises LostContact when AWS does not say which.
    """
    if group.image == image.id:
        return contact.ask(lambda: world.start(group, group.version, preferences))
    kept = contact.ask(lambda: world.spare(group, image))
    try:
        # Looked for first: an answer that was lost may have been a yes.
        version = contact.ask(lambda: world.spare(group, image) or world.publish(group, image))
        return contact.ask(
            lambda: _begun(world, group, version) or world.start(group, version, preferences)
        )
    except BaseException as stopped:
        try:
            id = _tidied(world, group, image, kept)
        except Trouble as silent:
            raise (
                lost(group.name, silent) if isinstance(stopped, Trouble) else stopped
            ) from silent
        if id and isinstance(stopped, Trouble):
            return id
        raise


def _begun(world: World, group: Group, version: str) -> str:
    """The id of the refresh under way that brings the version; empty when none does."""
    active = under_way(world, group)
    return active.id if active and active.version == version else ""


def under_way(world: World, group: Group) -> Refresh | None:
    """The refresh that is not over; there is never more than one."""
    return next((one for one in world.refreshes(group) if one.active), None)


def _tidied(world: World, group: Group, image: Image, kept: str) -> str:
    """Take the version away, unless it was there before (`kept`) or something has begun with it.

    Returns the id of what has begun. Raises Trouble when AWS does not answer: a version that is
    left does no harm, and the next run uses it.
    """
    version = world.spare(group, image)
    id = _begun(world, group, version) if version else ""
    if version and not id and not kept:
        world.withdraw(group, version)
    return id


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later; `note` is what the canary's standing rests on."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class TurnBack:
    """Roll it back, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """It is over."""


Step = Wait | TurnBack | Over


@dataclass(frozen=True, slots=True)
class Trial:
    """What is known of the new hosts besides their state."""

    served: frozenset[str] = frozenset()  # hosts that have served
    idle: float = 0  # seconds in which nothing came nearer to the end
    old: Traffic | None = None  # before the refresh
    new: Traffic | None = None  # the canary's own share
    counted: bool = False  # somebody was asked for the two


@dataclass(frozen=True, slots=True)
class Limits:
    """When to turn back."""

    idle: float = 900  # seconds; AWS alone would try for an hour
    allowed: Allowed = field(default_factory=Allowed)


def next_step(seen: Seen, trial: Trial, limits: Limits) -> Step:
    """Decide the one step to take now.

    Turns back for a canary that was well and is no more, or answers worse than it may; and when new
    hosts do not come to serve. Never once it is turned round, or cancelled.
    """
    if not seen.refresh.active:
        return Over()
    if seen.refresh.status not in FORWARD:
        return Wait()
    on_trial = canaries(seen)
    for host in on_trial:
        if host.id in trial.served and host.target == "unhealthy":
            return TurnBack(f"the canary {host} after it had served")
    if not on_trial or not trial.counted:
        return _give_up(seen, trial, limits)
    if trial.old and trial.new and (why := worse(trial.old, trial.new, limits.allowed)):
        return TurnBack(f"canary {on_trial[0].id}: {why}")
    step = _give_up(seen, trial, limits)
    return (
        step if isinstance(step, TurnBack) else Wait(standing(trial.old, trial.new, limits.allowed))
    )


def _give_up(seen: Seen, trial: Trial, limits: Limits) -> Step:
    new = seen.fleet.new
    absent = [host for host in new if not host.serves]
    if trial.idle < limits.idle or (new and not absent):
        return Wait()
    what = str(absent[0]) if absent else "no new host was launched"
    return TurnBack(f"nothing moved for {trial.idle:.0f} s: {what}")


def is_near(seen: Seen, entered: Mapping[str, float]) -> bool:
    """Whether the end may come at any moment. `entered`: since when each host is in service.

    The last new host has been there for the warm-up. If the end does not come soon after, something
    else is waited for, and nobody knows how long.
    """
    new = seen.fleet.new
    if seen.refresh.status != IN_PROGRESS or not 0 < seen.fleet.wanted <= len(new):
        return False
    if not all(host.serves for host in new):
        return False
    warmup = float(seen.refresh.told.get("InstanceWarmup", 0))
    warm_since = max(entered.get(host.id, seen.at) for host in new) + warmup
    # A host may have come at any time between two looks, so the end may be a look sooner.
    return -BETWEEN_SECONDS <= seen.at - warm_since <= SOON_SECONDS


class Watch:
    """Looks on until a refresh is over."""

    def __init__(
        self,
        world: World,
        group: Group,
        contact: Contact,
        limits: Limits,
        tell: Callable[[Seen, Step], None],
    ) -> None:
        """`tell` hears what is seen, and what is done about it, before it is done."""
        self._world, self._group = world, group
        self._contact, self._limits, self._tell = contact, limits, tell
        self._served: dict[str, float] = {}  # since when
        self._entered: dict[str, float] = {}  # service, by host
        self._moved, self._nearest = contact.clock(), (0, 0)
        self._turned = False

    def until_over(self, id: str) -> Seen:
        """The last look. Raises LostContact; the refresh goes on then."""
        try:
            while True:
                seen = self._contact.ask(lambda: self._world.look(self._group, id))
                step = self._decide(seen)
                self._tell(seen, step)
                if isinstance(step, Over):
                    return seen
                if isinstance(step, TurnBack) and not self._turned:
                    turn(self._world, self._group, self._contact)
                    self._turned = True
                near = is_near(seen, self._entered)
                self._contact.pause(BETWEEN_NEAR_SECONDS if near else BETWEEN_SECONDS)
        except Trouble as trouble:
            raise lost(self._group.name, trouble) from trouble

    def _decide(self, seen: Seen) -> Step:
        for host in seen.fleet.hosts:
            if host.lifecycle == "InService":
                self._entered.setdefault(host.id, seen.at)
            if host.serves:
                self._served.setdefault(host.id, seen.at)
        nearness = (sum(host.serves for host in seen.fleet.new), -len(seen.fleet.old))
        if nearness != self._nearest:
            self._moved, self._nearest = seen.at, nearness
        return next_step(seen, self._trial(seen), self._limits)

    def _trial(self, seen: Seen) -> Trial:
        served, idle = frozenset(self._served), seen.at - self._moved
        ready = [host.id for host in canaries(seen) if host.id in self._served]
        if not ready or seen.refresh.began is None:
            return Trial(served, idle)
        since = min(self._served[id] for id in ready)
        began = seen.refresh.began
        old = self._world.traffic(self._group, began - 900, began)
        during = self._world.traffic(self._group, since, seen.at)
        hosts = max(1, len([host for host in seen.fleet.staying if host.serves]))
        new = share(old, during, len(ready), hosts) if old and during else None
        return Trial(served, idle, old, new, counted=True)


def turn(world: World, group: Group, contact: Contact) -> None:
    """Roll back what is under way. One that is over by now is no fault: the next look says so."""
    try:
        contact.ask(lambda: world.roll_back(group))
    except Trouble:
        if contact.ask(lambda: under_way(world, group)):
            raise
