"""A refresh of a group in memory, minute by minute: AWS's worked examples, and anything else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse_lab.autoscaling import decide as group_decides
from bakehouse_lab.autoscaling import model as g
from bakehouse_lab.autoscaling.capacity import bounds
from bakehouse_lab.autoscaling.model import Group, Member
from bakehouse_lab.autoscaling.refresh import model as m
from bakehouse_lab.autoscaling.refresh.decide import decide
from bakehouse_lab.autoscaling.refresh.fleet import Fleet
from bakehouse_lab.autoscaling.refresh.model import Preferences, Refresh

PLACES = (("s-a", "a"), ("s-b", "b"))
MINUTE = 60.0


@dataclass
class PretendRollout:
    """Instances run and are found healthy from the look after their launch, and go at once."""

    group: Group
    refresh: Refresh
    members: dict[str, Member] = field(default_factory=dict)
    now: float = 0
    launches: int = 0
    fewest: int = 10**6  # ready at any time
    most: int = 0  # in service or coming at any time
    events: list[tuple[float, str]] = field(default_factory=list)

    @classmethod
    def of(cls, desired: int, preferences: Preferences, **how: Any) -> PretendRollout:
        made = cls(Group("web", 0, 40, desired, PLACES), Refresh(preferences, **how))
        for each in range(desired):
            subnet, zone = PLACES[each % 2]
            name = f"old{each}"
            made.members[name] = Member(
                name, g.IN_SERVICE, subnet, zone, "running", updated=False, in_service=-1e6
            )
        return made

    def run(self, seconds: float, step: float = MINUTE) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += step
            self.look()

    def look(self) -> None:
        for _ in range(3):  # a change is followed at once
            group = self.group
            if self.refresh.status in m.ACTIVE:
                plan = decide(self.refresh, group, list(self.members.values()), self.now)
                for change in plan.changes:
                    self.write(change)
                group = replace(group, renewal=plan.renewal)
            for action in group_decides.decide(group, list(self.members.values()), self.now):
                self.do(action)
            self.measure()

    def measure(self) -> None:
        members = list(self.members.values())
        fleet = Fleet.of(self.group, members, self.refresh.preferences, self.now)
        ready = len(fleet.ready) + sum(fleet.serves(each) for each in (*fleet.old, *fleet.held))
        self.fewest = min(self.fewest, ready)
        self.most = max(self.most, sum(each.lifecycle in g.CAPACITY for each in members))

    def write(self, change: m.Change) -> None:  # noqa: C901 (one line for each kind of change)
        it = self.refresh
        match change:
            case m.Begin():
                it = replace(it, status=m.IN_PROGRESS, began=self.now, progressed=self.now)
            case m.Note(percentage, to_update, reason, nearness):
                it = replace(it, percentage=percentage, to_update=to_update, reason=reason)
                if nearness > it.best:
                    it = replace(it, best=nearness, progressed=self.now)
            case m.Reach(percentage, of):
                until = self.now + it.preferences.delay
                it = replace(it, reached=percentage, reached_of=of, until=until, progressed=until)
            case m.FallBehind(reached):
                it = replace(it, reached=reached)
            case m.Bake():
                it = replace(it, status=m.BAKING, until=self.now + it.preferences.bake)
            case m.RollBack():
                it = replace(it, status=m.ROLLING_BACK, began=self.now, progressed=self.now)
                it = replace(it, until=0, best=-99)
                for name, each in self.members.items():
                    self.members[name] = replace(each, updated=not each.updated)
            case m.End(status, reason):
                it = replace(it, status=status, reason=reason)
        self.refresh = it
        self.events.append((self.now / MINUTE, str(getattr(change, "status", change))))

    def do(self, action: g.Action) -> None:
        match action:
            case g.Launch(subnet, zone):
                self.launches += 1
                name = f"new{self.launches}"
                self.members[name] = Member(name, g.PENDING, subnet, zone, "running")
            case g.EnterService(name):
                it = self.members[name]
                self.members[name] = replace(it, lifecycle=g.IN_SERVICE, in_service=self.now)
            case g.MarkUnhealthy(name, cause):
                self.members[name] = replace(self.members[name], healthy=False, cause=cause)
            case g.BeginTerminate(name):
                del self.members[name]

    @property
    def new(self) -> int:
        return sum(each.updated for each in self.members.values())

    def reached(self) -> list[float]:
        return [at for at, what in self.events if what.startswith("Reach")]


def test_the_worked_example_of_checkpoints() -> None:
    """Ten instances, checkpoints at 20 and 50, a quarter of an hour each, ten minutes to warm."""
    wanted = Preferences(80, warmup=600, checkpoints=(20, 50), delay=900)
    it = PretendRollout.of(10, wanted)
    it.look()
    seen = {}
    for minute in range(1, 60):
        it.run(MINUTE)
        seen[minute] = (it.new, it.refresh.percentage, it.refresh.status)
    assert (seen[1], seen[9]) == ((2, 0, "InProgress"), (2, 0, "InProgress"))
    assert (seen[10], seen[24]) == ((2, 20, "InProgress"), (2, 20, "InProgress"))
    assert (seen[25], seen[34]) == ((4, 20, "InProgress"), (4, 20, "InProgress"))
    assert (seen[35], seen[44]) == ((5, 40, "InProgress"), (5, 40, "InProgress"))
    assert seen[45] == (5, 50, "Successful")
    assert it.reached() == [10, 45]
    assert (len(it.members), it.fewest, it.most) == (10, 8, 10)


@pytest.mark.parametrize(
    ("reason", "desired", "preferences", "fewest", "most", "minutes"),
    [
        ("AWS's default leaves one of two", 2, Preferences(90), 1, 2, 2),
        ("one at a time of ten", 10, Preferences(90), 9, 10, 10),
        ("two at a time of twenty", 20, Preferences(90), 18, 20, 10),
        ("an outage of a group of one", 1, Preferences(100), 0, 1, 1),
        ("100/200: one wave, never fewer", 4, Preferences(100, 200), 4, 8, 1),
        ("100/110 of four: one above, four waves", 4, Preferences(100, 110), 4, 5, 4),
        ("100/125 of eight: two above", 8, Preferences(100, 125), 8, 10, 4),
        ("50/150 of four: two out, four in", 4, Preferences(50, 150), 2, 6, 1),
        ("50/100 of four: two waves of two", 4, Preferences(50, 100), 2, 4, 2),
        ("0/100: all at once", 4, Preferences(0, 100), 0, 4, 1),
    ],
)
def test_how_many_serve_meanwhile_and_how_long_it_takes(
    reason: str, desired: int, preferences: Preferences, fewest: int, most: int, minutes: int
) -> None:
    it = PretendRollout.of(desired, replace(preferences, warmup=60))
    it.look()
    while it.refresh.status == m.IN_PROGRESS and it.now < 3600:
        it.run(MINUTE)
    assert it.refresh.status == m.SUCCESSFUL, reason
    assert (it.fewest, it.most) == (fewest, most), reason
    assert it.now / MINUTE == minutes, reason
    assert (it.launches, it.new) == (desired, desired), "none was started for nothing"


def test_a_group_that_grows_below_its_checkpoint_reaches_it_again() -> None:
    wanted = Preferences(100, 200, warmup=60, checkpoints=(50, 100), delay=300)
    it = PretendRollout.of(4, wanted)
    it.look()
    it.run(2 * MINUTE)
    assert it.reached() == [1]
    it.group = replace(it.group, desired=6)
    it.run(4 * MINUTE)
    assert len(it.reached()) == 2
    it.run(12 * MINUTE)
    assert (it.refresh.status, it.new, len(it.members)) == (m.SUCCESSFUL, 6, 6)


def test_bad_new_instances_cost_no_old_one_and_are_taken_back() -> None:
    wanted = Preferences(100, 200, warmup=60, auto_rollback=True)
    it = PretendRollout.of(4, wanted, stall=600)
    it.look()
    for _ in range(12):
        for name, each in it.members.items():
            if name.startswith("new"):
                it.members[name] = replace(each, healthy=False)
        it.run(MINUTE)
    assert it.refresh.status == m.ROLLED_BACK
    assert sorted(it.members) == ["old0", "old1", "old2", "old3"]
    assert it.fewest == 4


def test_a_refresh_that_is_turned_round_half_way_brings_back_what_it_took() -> None:
    wanted = Preferences(
        100, 200, warmup=60, auto_rollback=True, checkpoints=(50, 100), alarms=("errors",)
    )
    it = PretendRollout.of(4, replace(wanted, delay=600))
    it.look()
    it.run(2 * MINUTE)
    assert (it.new, len(it.members)) == (2, 4)
    it.refresh = replace(it.refresh, alarms={"errors": "ALARM"})
    it.run(5 * MINUTE)
    assert it.refresh.status == m.ROLLED_BACK
    assert (it.fewest, len(it.members), it.launches) == (4, 4, 4)
    assert (it.refresh.percentage, it.refresh.to_update) == (0, 2)


events = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.one_of(
            st.tuples(st.just("desired"), st.integers(1, 8)),
            st.tuples(st.just("dies"), st.integers(0, 30)),
            st.tuples(st.just("suspend"), st.sampled_from(["Launch", "InstanceRefresh"])),
            st.tuples(st.just("resume"), st.just(0)),
        ),
    ),
    max_size=8,
)


@settings(max_examples=150)
@given(
    st.integers(1, 8),
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 100)),
    st.sampled_from([(), (25, 100), (1, 50, 100)]),
    events,
)
def test_whatever_happens_in_the_middle_all_are_new_in_the_end(
    desired: int,
    least: int,
    room: int | None,
    checkpoints: tuple[int, ...],
    events: list[tuple[int, tuple[str, Any]]],
) -> None:
    most = None if room is None else max(100, min(200, least + room))
    wanted = Preferences(least, most, warmup=60, checkpoints=checkpoints, delay=120)
    it = PretendRollout.of(desired, wanted, stall=1e9)
    it.look()
    for minutes, (what, value) in events:
        it.run(minutes * MINUTE)
        match what:
            case "desired":
                it.group = replace(it.group, desired=value)
            case "dies" if it.members:
                name = sorted(it.members)[value % len(it.members)]
                it.members[name] = replace(it.members[name], ec2_state="terminated")
            case "suspend":
                it.group = replace(it.group, suspended=it.group.suspended | {value})
            case "resume":
                it.group = replace(it.group, suspended=frozenset())
    it.group = replace(it.group, suspended=frozenset())
    it.run(90 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL
    assert all(each.updated for each in it.members.values())
    assert len(it.members) == it.group.desired


@settings(max_examples=150)
@given(
    st.integers(1, 12),
    st.integers(0, 100),
    st.one_of(st.none(), st.integers(0, 100)),
    st.sampled_from([(), (25, 100), (1, 50, 100), (30, 60)]),
)
def test_undisturbed_it_keeps_to_its_bounds_and_starts_none_for_nothing(
    desired: int, least: int, room: int | None, checkpoints: tuple[int, ...]
) -> None:
    most = None if room is None else max(100, min(200, least + room))
    wanted = Preferences(least, most, warmup=60, checkpoints=checkpoints, delay=120)
    it = PretendRollout.of(desired, wanted)
    it.look()
    it.run(60 * MINUTE)
    low, high = bounds(desired, wanted.least, wanted.most)
    assert it.refresh.status == m.SUCCESSFUL
    assert it.fewest >= low
    assert it.most <= high
    goal = max(checkpoints, default=100)
    assert it.launches == it.new == -(-desired * goal // 100)
