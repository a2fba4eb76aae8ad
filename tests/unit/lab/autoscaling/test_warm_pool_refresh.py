"""An instance refresh of a group that has a warm pool: the group first, then the pool."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.lab.autoscaling.conftest import NAME
from tests.unit.lab.autoscaling.test_refresh_converges import MINUTE, PLACES, PretendRollout

from bakehouse_lab.autoscaling import model as g
from bakehouse_lab.autoscaling.capacity import bounds
from bakehouse_lab.autoscaling.model import Member
from bakehouse_lab.autoscaling.refresh import model as m
from bakehouse_lab.autoscaling.refresh.model import Preferences
from bakehouse_lab.autoscaling.warm_pool import model as w
from bakehouse_lab.autoscaling.warm_pool.model import Pool

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Desk, Rollout


@dataclass
class PooledRollout(PretendRollout):
    """Instances of the pool are stopped from the look after their launch."""

    warmed: int = 0
    fewest_rest: int = 10**6
    most_rest: int = 0
    notes: list[m.Note] = field(default_factory=list)

    @classmethod
    def beside(cls, desired: int, size: int, preferences: Preferences) -> PooledRollout:
        made = cls.of(desired, preferences)
        assert isinstance(made, PooledRollout)
        made.group = replace(made.group, pool=Pool(minimum=size, prepared=0))
        for each in range(size):
            subnet, zone = PLACES[each % 2]
            name = f"spare{each}"
            made.members[name] = Member(name, w.STOPPED, subnet, zone, "stopped", updated=False)
        return made

    def do(self, action: g.Action) -> None:
        match action:
            case w.WarmUp(subnet, zone):
                self.warmed += 1
                name = f"warm{self.warmed}"
                self.members[name] = Member(name, w.PENDING, subnet, zone, "running")
            case w.Halt(name):
                self.members[name] = replace(self.members[name], ec2_state="stopped")
            case w.Settle(name, lifecycle):
                self.members[name] = replace(self.members[name], lifecycle=lifecycle)
            case w.Take(name):
                it = self.members[name]
                assert it.updated, "an old one went into service"
                self.members[name] = replace(it, lifecycle=g.PENDING, ec2_state="running")
            case g.BeginTerminate(name) if w.pooled(self.members[name].lifecycle):
                outdated = not self.members[name].updated
                assert not (outdated and self.outdated_live()), "the pool went before the group"
                del self.members[name]
            case _:
                super().do(action)

    def write(self, change: m.Change) -> None:
        super().write(change)
        if isinstance(change, m.Note):
            self.notes.append(change)

    def outdated_live(self) -> bool:
        return any(
            not each.updated and each.lifecycle in g.CAPACITY for each in self.members.values()
        )

    def measure(self) -> None:
        super().measure()
        inside = [each for each in self.members.values() if w.pooled(each.lifecycle)]
        rest = sum(each.lifecycle in w.STEADY for each in inside)
        self.fewest_rest = min(self.fewest_rest, rest)
        self.most_rest = max(self.most_rest, len(inside))


percentages = st.tuples(st.integers(0, 100), st.none() | st.integers(0, 100))


@settings(max_examples=150)
@given(st.integers(1, 8), st.integers(0, 6), percentages)
def test_the_pool_follows_the_group_and_keeps_to_the_same_bounds(
    desired: int, size: int, healthy: tuple[int, int | None]
) -> None:
    least, room = healthy
    most = None if room is None else max(100, min(200, least + room))
    it = PooledRollout.beside(desired, size, Preferences(least, most, warmup=60))
    it.look()
    it.run(90 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL
    assert all(each.updated for each in it.members.values())
    low, high = bounds(size, least, most)
    assert it.fewest_rest >= low
    assert it.most_rest <= high
    assert (it.launches, it.warmed) == (desired, size)


def test_a_pool_of_ten_is_replaced_between_nine_and_twelve() -> None:
    it = PooledRollout.beside(1, 10, Preferences(90, 120))
    it.look()
    it.run(30 * MINUTE)
    assert (it.fewest_rest, it.most_rest) == (9, 12)


def test_the_percentage_is_of_all_instances_together() -> None:
    it = PooledRollout.beside(2, 2, Preferences(90))
    it.look()
    it.run(20 * MINUTE)
    shown = [(each.percentage, each.parts) for each in it.notes if each.parts]
    assert shown == sorted(shown, key=lambda each: each[0])
    assert (25, m.Parts((50, 1), (0, 2))) in shown
    assert (75, m.Parts((100, 0), (50, 1))) in shown


def test_a_refresh_that_ends_at_a_checkpoint_leaves_the_pool() -> None:
    it = PooledRollout.beside(4, 2, Preferences(50, 100, checkpoints=(50,), delay=60))
    it.look()
    it.run(30 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL
    assert {"spare0", "spare1"} <= set(it.members)


def test_a_pool_alone_is_replaced_where_the_group_is_as_wanted() -> None:
    it = PooledRollout.beside(2, 2, Preferences(90))
    for name in ("old0", "old1"):
        it.members[name] = replace(it.members[name], updated=True)
    it.look()
    it.run(10 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL
    assert sorted(it.members) == ["old0", "old1", "warm1", "warm2"]


def test_a_scale_out_in_the_middle_starts_new_ones_and_none_of_the_old_pool() -> None:
    it = PooledRollout.beside(4, 2, Preferences(90, warmup=600))
    it.look()
    it.run(5 * MINUTE)
    it.group = replace(it.group, desired=6)
    it.run(180 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL
    assert sum(each.lifecycle == g.IN_SERVICE for each in it.members.values()) == 6
    assert it.warmed >= 2


def test_a_pool_that_comes_on_one_by_one_is_no_stall() -> None:
    it = PooledRollout.beside(1, 6, Preferences(100))
    it.refresh = replace(it.refresh, stall=3 * MINUTE)
    it.look()
    it.run(30 * MINUTE)
    assert it.refresh.status == m.SUCCESSFUL


def test_a_stalled_pool_fails_the_refresh() -> None:
    it = PooledRollout.beside(1, 1, Preferences(100, 200))
    it.refresh = replace(it.refresh, stall=10 * MINUTE)
    it.members["spare0"] = replace(it.members["spare0"], updated=True, lifecycle=w.PENDING_WAIT)
    it.members["spare0"] = replace(it.members["spare0"], waits=(g.Wait("ready", 1e9, "ABANDON"),))
    it.look()
    it.run(30 * MINUTE)
    assert it.refresh.status == m.FAILED
    assert "spare0 has insufficient data" in it.refresh.reason


# -- through the API


class Pooled:
    """A rollout of a group of two with a pool of two."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout, self.desk = rollout, rollout.desk
        self.desk.asg.put_warm_pool(**NAME, MinSize=2, MaxGroupPreparedCapacity=2)
        self.desk.steps()

    def versions(self) -> list[str]:
        found = self.desk.asg.describe_warm_pool(**NAME)["Instances"]
        return [each["LaunchTemplate"]["Version"] for each in found]

    def details(self) -> dict[str, Any]:
        found: dict[str, Any] = self.rollout.shown()["ProgressDetails"]
        return found


@pytest.fixture
def pooled(rollout: Rollout) -> Pooled:
    return Pooled(rollout)


def part(percentage: int, to_update: int) -> dict[str, int]:
    return {"PercentageComplete": percentage, "InstancesToUpdate": to_update}


def test_the_progress_of_both_is_shown(pooled: Pooled) -> None:
    pooled.rollout.start()
    pooled.desk.steps()
    assert pooled.details() == {"LivePoolProgress": part(0, 0), "WarmPoolProgress": part(0, 2)}
    assert pooled.rollout.shown()["InstancesToUpdate"] == 2
    ended = pooled.rollout.end()
    assert ended["Status"] == "Successful"
    assert ended["ProgressDetails"] == {
        "LivePoolProgress": part(100, 0),
        "WarmPoolProgress": part(100, 0),
    }
    assert pooled.versions() == ["2", "2"]
    described = [each["Description"] for each in pooled.desk.activities()]
    assert sum("Terminating EC2 instance from warm pool" in each for each in described) == 2


def test_the_whole_is_half_done_when_the_group_is_and_the_pool_is_not(pooled: Pooled) -> None:
    pooled.desk.asg.put_lifecycle_hook(
        **NAME,
        LifecycleHookName="ready",
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        HeartbeatTimeout=60,
        DefaultResult="CONTINUE",
    )
    pooled.rollout.start()
    for _ in range(20):
        pooled.rollout.later(10)
        if pooled.details()["LivePoolProgress"] == part(100, 0):
            break
    shown = pooled.rollout.shown()
    assert (shown["PercentageComplete"], shown["Status"]) == (50, "InProgress")
    assert pooled.details()["WarmPoolProgress"]["PercentageComplete"] == 0
    assert pooled.rollout.end()["Status"] == "Successful"


def test_a_rollback_puts_the_pool_back_too(pooled: Pooled) -> None:
    pooled.rollout.start(BakeTime=1000)
    for _ in range(20):
        pooled.rollout.later(20)
        if pooled.rollout.status() == "Baking":
            break
    assert pooled.versions() == ["2", "2"]
    pooled.desk.asg.rollback_instance_refresh(**NAME)
    ended = pooled.rollout.end()
    assert ended["Status"] == "RollbackSuccessful"
    assert pooled.versions() == ["1", "1"]
    details = ended["RollbackDetails"]["ProgressDetailsOnRollback"]
    assert details["WarmPoolProgress"] == part(100, 0)
    assert ended["ProgressDetails"]["WarmPoolProgress"] == part(0, 0)
    assert ended["PercentageComplete"] == 0


def test_a_cancelled_refresh_waits_for_what_enters_the_pool(pooled: Pooled) -> None:
    scaling, hook = pooled.desk.asg, {**NAME, "LifecycleHookName": "ready"}
    scaling.put_lifecycle_hook(
        **hook,
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
        HeartbeatTimeout=7200,
    )
    scaling.put_warm_pool(**NAME, MinSize=3)
    pooled.desk.steps()
    (enters,) = (
        each["InstanceId"]
        for each in scaling.describe_warm_pool(**NAME)["Instances"]
        if each["LifecycleState"] == "Warmed:Pending:Wait"
    )
    scaling.start_instance_refresh(**NAME)
    scaling.cancel_instance_refresh(**NAME)
    pooled.desk.steps()
    assert pooled.rollout.status() == "Cancelling"
    scaling.complete_lifecycle_action(**hook, InstanceId=enters, LifecycleActionResult="CONTINUE")
    pooled.desk.steps()
    assert pooled.rollout.status() == "Cancelled"


def test_a_group_without_a_pool_shows_no_such_details(rollout: Rollout) -> None:
    rollout.start()
    rollout.desk.steps()
    assert "ProgressDetails" not in rollout.shown()


def test_skip_matching_leaves_a_pool_that_matches(desk: Desk, pooled: Pooled) -> None:
    before = {each["InstanceId"] for each in desk.asg.describe_warm_pool(**NAME)["Instances"]}
    desk.asg.start_instance_refresh(
        **NAME, Preferences={"SkipMatching": True, "MinHealthyPercentage": 100}
    )
    ended = pooled.rollout.end()
    assert ended["Status"] == "Successful"
    after = {each["InstanceId"] for each in desk.asg.describe_warm_pool(**NAME)["Instances"]}
    assert after == before
