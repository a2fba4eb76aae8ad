"""A group in a refresh, and the warm pool beside it: the group first, then the pool. Pure.

To the arithmetic a pool is a group of its own, as large as the pool is to be, whose instances serve
as soon as they rest: the bounds of the preferences apply to it separately. What was chosen where
AWS does not say: the percentage of the whole is of all instances together, one that rests needs no
warm-up, and a refresh whose last checkpoint is below 100 leaves the pool as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import IN_SERVICE, PENDING
from bakehouse_lab.autoscaling.refresh.fleet import Fleet
from bakehouse_lab.autoscaling.refresh.model import Parts
from bakehouse_lab.autoscaling.warm_pool.decide import ILL
from bakehouse_lab.autoscaling.warm_pool.model import STEADY, pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.model import Group, Member, Renewal
    from bakehouse_lab.autoscaling.refresh.model import Preferences


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is to be replaced."""

    live: Fleet
    pool: Fleet | None

    @classmethod
    def of(
        cls, group: Group, members: Sequence[Member], preferences: Preferences, now: float
    ) -> Whole:
        """Sort them."""
        live = Fleet.of(group, members, preferences, now)
        if group.pool is None or group.pool.deleting:
            return cls(live, None)
        size = group.pool.size(group.desired, group.maximum)
        beside = replace(group, desired=size, elb_checks=False)
        rests = [_as_live(each) for each in members if pooled(each.lifecycle)]
        at_once = replace(preferences, checkpoints=(), warmup=0)
        return cls(live, Fleet.of(beside, rests, at_once, now))

    @property
    def untouched(self) -> bool:
        """There is nothing to replace."""
        return self.live.untouched and (self.pool is None or self.pool.untouched)

    @property
    def done(self) -> bool:
        """All is replaced and ready, or as much as is wanted."""
        return self.live.done and (self._spares_pool or self.pool is None or self.pool.done)

    @property
    def at_work(self) -> Fleet:
        """Whose turn it is."""
        return self.pool if self.pool and self.live.done else self.live

    @property
    def _spares_pool(self) -> bool:
        return max(self.live.preferences.checkpoints, default=100) < 100

    # -- what is shown

    @property
    def percentage(self) -> int:
        """How many of all are new and ready, of a hundred; rounded down."""
        if self.pool is None:
            return self.live.percentage
        total = self.live.total + self.pool.total
        ready = len(self.live.ready) + len(self.pool.ready)
        return min(100, 100 * ready // total) if total else 100

    @property
    def to_update(self) -> int:
        """Replacements that have not begun."""
        return self.live.to_update + (self.pool.to_update if self.pool else 0)

    @property
    def left(self) -> int:
        """How many of all are to be put back, of a hundred."""
        fleets = [self.live, *([self.pool] if self.pool else [])]
        total = sum(each.total for each in fleets)
        return 100 * sum(len(each.old) for each in fleets) // total if total else 0

    @property
    def nearness(self) -> int:
        """Grows as the refresh comes nearer to its end."""
        return self.live.nearness + (self.pool.nearness if self.pool else 0)

    @property
    def parts(self) -> Parts | None:
        """How far each is, where there is a pool."""
        if self.pool is None:
            return None
        live, pool = ((each.percentage, each.to_update) for each in (self.live, self.pool))
        return Parts(live, pool)

    def parts_left(self, shown: Parts | None) -> Parts | None:
        """The same in a rollback, which counts down from what was shown."""
        if self.pool is None or shown is None:
            return None
        return Parts(_left(self.live, shown.live), _left(self.pool, shown.pool))

    # -- what next

    def renewal(self, goal: int, *, launch: bool = True, retire: bool = True) -> Renewal:
        """What to ask of the group until `goal` of it are new; of the pool only in its turn."""
        live = self.live.renewal(goal, launch=launch, retire=retire)
        if self.pool is None:
            return live
        begins = launch and retire and self.live.done
        pool = self.pool.renewal(self.pool.total, launch=begins, retire=begins)
        return replace(live, pool=pool)


def _left(fleet: Fleet, shown: tuple[int, int]) -> tuple[int, int]:
    left = 100 * len(fleet.old) // fleet.total if fleet.total else 0
    return min(shown[0], left), shown[1]


def _as_live(member: Member) -> Member:
    """As the arithmetic of a group sees it."""
    rests = member.lifecycle in STEADY
    well = rests and member.ec2_state not in ILL[member.lifecycle]
    return replace(
        member,
        lifecycle=IN_SERVICE if rests else PENDING,
        ec2_state="running" if well else member.ec2_state,
        protected=False,
        targets={},
    )
