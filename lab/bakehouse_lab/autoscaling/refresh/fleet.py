"""A group in a refresh: its instances sorted by what is to become of them, and the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.capacity import bounds, serves, victims
from bakehouse_lab.autoscaling.model import (
    CAPACITY,
    ENTERING_STANDBY,
    STANDBY,
    Group,
    Member,
    Renewal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.refresh.model import Preferences


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances of a group that is being refreshed."""

    group: Group
    preferences: Preferences
    now: float
    old: tuple[Member, ...]  # to be replaced
    held: tuple[Member, ...]  # to be replaced, once somebody gives them free
    ignored: tuple[Member, ...]  # stay as they are
    fresh: tuple[Member, ...]  # as the refresh wants them
    resting: tuple[Member, ...]  # in standby, to be ended

    @classmethod
    def of(
        cls, group: Group, members: Sequence[Member], preferences: Preferences, now: float
    ) -> Fleet:
        """Sort them."""
        live = [each for each in members if each.lifecycle in CAPACITY]
        stale = [each for each in live if not each.updated]
        shielded = [each for each in stale if each.protected and preferences.protected != "Refresh"]
        idle = [
            each
            for each in members
            if each.lifecycle in (STANDBY, ENTERING_STANDBY) and not each.updated
        ]
        waits = preferences.protected == "Wait"
        return cls(
            group,
            preferences,
            now,
            old=tuple(each for each in stale if each not in shielded),
            held=(*shielded * waits, *idle * (preferences.standby == "Wait")),
            ignored=tuple(shielded * (not waits)),
            fresh=tuple(each for each in live if each.updated),
            resting=tuple(idle * (preferences.standby == "Terminate")),
        )

    # -- how far

    @property
    def total(self) -> int:
        """How many of the group are to be new in the end."""
        return max(0, self.group.desired - len(self.ignored))

    @property
    def ready(self) -> list[Member]:
        """The new ones that serve and are warm."""
        return [each for each in self.fresh if self.serves(each) and self.warm(each)]

    @property
    def percentage(self) -> int:
        """How many of the group are new and ready, of a hundred; rounded down."""
        return min(100, 100 * len(self.ready) // self.total) if self.total else 100

    @property
    def to_update(self) -> int:
        """Replacements that have not begun; those under way are not among them."""
        return max(0, self.total - len(self.fresh))

    @property
    def nearness(self) -> int:
        """Grows as the refresh comes nearer to its end."""
        return len(self.ready) - len(self.old) - len(self.held) - len(self.resting)

    @property
    def untouched(self) -> bool:
        """There is nothing to replace."""
        return not (self.old or self.held or self.resting)

    @property
    def done(self) -> bool:
        """All is replaced and ready, or as much as the last checkpoint wants."""
        last = max(self.preferences.checkpoints, default=100)
        if last < 100:
            left = len(self.old) - (self.total - self.share(last))
            return self.percentage >= last and left <= 0
        return (
            self.untouched and len(self.fresh) >= self.total and len(self.ready) == len(self.fresh)
        )

    @property
    def reached(self) -> int:
        """The highest checkpoint that is reached, or 0; the end (100) is none."""
        crossed = [
            each for each in self.preferences.checkpoints if each <= min(99, self.percentage)
        ]
        return max(crossed, default=0)

    def goal(self, reached: int) -> int:
        """How many may be new before the checkpoint after `reached`."""
        further = [each for each in self.preferences.checkpoints if each > reached]
        return self.share(min(further, default=100))

    def share(self, percentage: int) -> int:
        """So many of a hundred, rounded up."""
        return -(-self.total * percentage // 100)

    # -- one of them

    def serves(self, member: Member) -> bool:
        """In service, and found healthy."""
        return serves(self.group, member)

    def warm(self, member: Member) -> bool:
        """In service for as long as the warm-up wants."""
        return self.now >= member.in_service + self.preferences.warmup

    # -- what next

    def renewal(self, goal: int, *, launch: bool = True, retire: bool = True) -> Renewal:
        """Whom to end, and how many may be above the desired capacity, until `goal` are new."""
        least, most = bounds(self.group.desired, self.preferences.least, self.preferences.most)
        shielded = sum(each.lifecycle in CAPACITY for each in self.held)
        spare = len(self.old) - max(0, self.total - shielded - goal)
        gone = self._retire(spare, least) if retire and not self._stuck else ()
        staying = sum(each.id not in gone for each in self.old)
        want = min(goal, self.total - shielded)
        size = len(self.ignored) + shielded + staying + want
        surplus = max(0, min(most, size) - self.group.desired)
        return Renewal(surplus if launch else 0, surplus, gone)

    @property
    def _stuck(self) -> bool:
        return bool(self.group.suspended & {"Launch", "Terminate"})

    def _retire(self, spare: int, least: int) -> tuple[str, ...]:
        live = [*self.old, *self.held, *self.ignored, *self.fresh]
        others = [each for each in (*self.old, *self.held, *self.ignored) if self.serves(each)]
        allowed = len(others) + len(self.ready) - least
        chosen = [each.id for each in self.resting if each.lifecycle == STANDBY]
        order = sorted(victims(self.group, live, self.old), key=self.serves)  # idle ones first
        for victim in order[: max(0, spare)]:
            if self.serves(victim):
                if allowed <= 0:
                    break
                allowed -= 1
            chosen.append(victim.id)
        return tuple(chosen)
