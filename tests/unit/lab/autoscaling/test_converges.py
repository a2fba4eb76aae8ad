"""A group in memory, to which anything may happen: it ends as it should be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.decide import decide
from bakehouse_lab.autoscaling.model import Group, Hook, Member, Wait
from bakehouse_lab.autoscaling.warm_pool import model as w
from bakehouse_lab.autoscaling.warm_pool.model import Pool

PLACES = (("subnet-a", "a"), ("subnet-b", "b"))
TG = "arn:tg"
DRAINS = 3  # ticks
GROWN = {"pending": "running", "shutting-down": "terminated", "stopping": "stopped"}


@dataclass
class PretendCloud:
    """Instances boot in a tick, drain in some, and end in another."""

    group: Group
    members: dict[str, Member] = field(default_factory=dict)
    draining: dict[str, int] = field(default_factory=dict)
    now: float = 0
    made: int = 0
    launches: int = 0
    warmed: int = 0  # launches into the warm pool

    def tick(self) -> None:
        self.now += 1
        for name in list(self.members):
            self._age(name)
        for action in decide(self.group, list(self.members.values()), self.now):
            self.do(action)

    def _age(self, name: str) -> None:
        it = self.members[name]
        grown = GROWN.get(it.ec2_state)
        targets = {TG: "healthy"} if TG in it.registered else {}
        if self.draining.get(name, 0) > 0:
            self.draining[name] -= 1
            targets = {TG: "draining"}
        self.members[name] = replace(it, ec2_state=grown or it.ec2_state, targets=targets)

    def change(self, name: str, **how: Any) -> None:
        self.members[name] = replace(self.members[name], **how)

    def do(self, action: m.Action) -> None:  # noqa: C901 (one line for each kind of action)
        match action:
            case m.Launch(subnet, zone):
                self.made += 1
                self.launches += 1
                name = f"i-{self.made}"
                self.members[name] = Member(name, m.PENDING, subnet, zone, "pending")
            case m.FailLaunch(name) | m.Forget(name):
                del self.members[name]
            case m.Await(name, hooks, lifecycle):
                waits = tuple(Wait(hook, self.now + 2, "CONTINUE") for hook in hooks)
                self.change(name, lifecycle=lifecycle, waits=waits)
            case m.Proceed(name, lifecycle):
                self.change(name, lifecycle=lifecycle, waits=())
            case m.Register(name, arn):
                self.change(name, registered=self.members[name].registered | {arn})
            case m.Deregister(name, arn):
                self.draining[name] = DRAINS
                left = self.members[name].registered - {arn}
                self.change(name, registered=left, targets={arn: "draining"})
            case m.EnterService(name):
                self.change(name, lifecycle=m.IN_SERVICE, in_service=self.now)
            case m.EnterStandby(name):
                self.change(name, lifecycle=m.STANDBY)
            case m.MarkUnhealthy(name, cause):
                self.change(name, healthy=False, cause=cause)
            case m.BeginTerminate(name):
                warmed = self.members[name].lifecycle.startswith(w.WARMED)
                self.change(name, lifecycle=w.WARMED * warmed + m.TERMINATING)
            case m.Terminate(name):
                assert self.draining.get(name, 0) == 0, "ended while requests were under way"
                self.change(name, ec2_state="shutting-down")
            case m.DeleteGroup():
                raise AssertionError("nobody asked for that")
            case _:
                self.do_in_pool(action)

    def do_in_pool(self, action: m.Action) -> None:
        match action:
            case w.WarmUp(subnet, zone):
                self.made += 1
                self.warmed += 1
                name = f"i-{self.made}"
                self.members[name] = Member(name, w.PENDING, subnet, zone, "pending")
            case w.Halt(name):
                assert self.draining.get(name, 0) == 0, "stopped while requests were under way"
                self.change(name, ec2_state="stopping")
            case w.Settle(name, lifecycle):
                self.change(name, lifecycle=lifecycle)
            case w.Take(name):
                slept = self.members[name].ec2_state == "stopped"
                woken = "pending" if slept else "running"
                self.change(name, lifecycle=m.PENDING, ec2_state=woken, origin=w.POOL)
            case w.GiveBack(name):
                self.change(name, lifecycle=w.PENDING, origin=w.GROUP)
            case _:
                raise AssertionError(f"nobody asked for that: {action}")

    def inside(self) -> list[Member]:
        return [it for it in self.members.values() if it.lifecycle.startswith(w.WARMED)]

    def capacity(self) -> int:
        return sum(it.lifecycle in m.CAPACITY for it in self.members.values())


events = st.lists(
    st.one_of(
        st.tuples(st.just("desired"), st.integers(0, 4)),
        st.tuples(st.just("suspend"), st.sampled_from(["Launch", "Terminate", "HealthCheck"])),
        st.tuples(st.just("resume"), st.just("")),
        st.tuples(st.just("dies"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.integers(1, 8)),
    ),
    max_size=12,
)
hooks = st.sampled_from(
    [(), (Hook("up", m.LAUNCHING, 2, "CONTINUE"),), (Hook("down", m.ENDING, 2, "CONTINUE"),)]
)


def live_through(cloud: PretendCloud, events: list[tuple[str, int | str]]) -> None:
    for what, value in events:
        match what, value:
            case "desired", int(number):
                cloud.group = replace(cloud.group, desired=number)
            case "suspend", str(process):
                cloud.group = replace(cloud.group, suspended=cloud.group.suspended | {process})
            case "resume", _:
                cloud.group = replace(cloud.group, suspended=frozenset())
            case "dies", int(number) if cloud.members:
                names = sorted(cloud.members)
                cloud.change(names[number % len(names)], ec2_state="terminated")
            case "wait", int(ticks):
                for _ in range(ticks):
                    step(cloud)
        step(cloud)


def step(cloud: PretendCloud) -> None:
    before, warm_before = cloud.launches, cloud.warmed
    cloud.tick()
    started, warmed = cloud.launches - before, cloud.warmed - warm_before
    assert not started or cloud.capacity() <= cloud.group.desired
    assert not ((started or warmed) and "Launch" in cloud.group.suspended)


pools = st.one_of(
    st.none(),
    st.builds(
        Pool,
        state=st.sampled_from(["Stopped", "Running"]),
        minimum=st.integers(0, 2),
        prepared=st.none() | st.integers(0, 5),
        reuse=st.booleans(),
    ),
)


@settings(max_examples=300)
@given(events, hooks, pools)
def test_whatever_happened_the_group_and_its_pool_become_what_is_wanted(
    events: list[tuple[str, int | str]], hooks: tuple[Hook, ...], pool: Pool | None
) -> None:
    cloud = PretendCloud(Group("web", 0, 4, 2, PLACES, hooks=hooks, target_groups=(TG,), pool=pool))
    live_through(cloud, events)
    cloud.group = replace(cloud.group, suspended=frozenset())
    for _ in range(60):
        step(cloud)
    states = [
        (it.lifecycle, it.ec2_state, it.healthy)
        for it in cloud.members.values()
        if it not in cloud.inside()
    ]
    assert states == [(m.IN_SERVICE, "running", True)] * cloud.group.desired
    rests = [(it.lifecycle, it.ec2_state.capitalize(), it.healthy) for it in cloud.inside()]
    size = pool.size(cloud.group.desired, cloud.group.maximum) if pool else 0
    assert rests == [(f"Warmed:{pool.state}", pool.state, True) for _ in range(size) if pool]
    assert not any(it.registered for it in cloud.inside())
    settled = (cloud.launches, cloud.warmed)
    for _ in range(5):
        step(cloud)
    assert (cloud.launches, cloud.warmed) == settled


@given(st.integers(0, 4))
def test_a_group_that_was_filled_at_once_is_spread_over_its_zones(desired: int) -> None:
    cloud = PretendCloud(Group("web", 0, 4, desired, PLACES))
    for _ in range(5):
        step(cloud)
    zones = Counter({zone: 0 for _, zone in PLACES})
    zones.update(it.zone for it in cloud.members.values())
    assert max(zones.values()) - min(zones.values()) <= 1
