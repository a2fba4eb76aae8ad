"""What a warm pool asks for: without a cloud."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.decide import decide
from bakehouse_lab.autoscaling.model import Group, Hook, Member, Wait
from bakehouse_lab.autoscaling.warm_pool import model as w
from bakehouse_lab.autoscaling.warm_pool.model import Pool

NOW = 1000.0
A, B = ("subnet-a", "us-east-1a"), ("subnet-b", "us-east-1b")
TG = "arn:tg"
HOOKS = (
    Hook("warm", m.LAUNCHING, 60, "ABANDON"),
    Hook("flush", m.ENDING, 60, "CONTINUE"),
)
GROUP = Group("web", 0, 4, 2, (A, B), target_groups=(TG,), elb_checks=True, pool=Pool(prepared=3))
HOOKED = replace(GROUP, hooks=HOOKS)
RUNS = replace(GROUP, pool=Pool("Running", prepared=3))
REUSES = replace(GROUP, pool=Pool(prepared=4, reuse=True))


def serving(name: str, place: tuple[str, str] = A, **how: Any) -> Member:
    usual: dict[str, Any] = {
        "lifecycle": m.IN_SERVICE,
        "ec2_state": "running",
        "registered": frozenset({TG}),
        "targets": {TG: "healthy"},
    }
    return Member(name, subnet=place[0], zone=place[1], **{**usual, **how})


def warm(name: str, place: tuple[str, str] = A, **how: Any) -> Member:
    usual: dict[str, Any] = {"lifecycle": w.STOPPED, "ec2_state": "stopped"}
    return Member(name, subnet=place[0], zone=place[1], **{**usual, **how})


def coming(name: str = "i-3", **how: Any) -> Member:
    return warm(name, **{"lifecycle": w.PENDING, "ec2_state": "running", **how})


def ending(name: str = "i-3", **how: Any) -> Member:
    return warm(name, **{"lifecycle": w.TERMINATING, **how})


def kinds(actions: list[m.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def answered(result: str | None, lifecycle: str) -> dict[str, Any]:
    return {"lifecycle": lifecycle, "waits": (Wait("warm", NOW + 1, "ABANDON", result),)}


LIVE = [serving("i-1", A), serving("i-2", B)]
RETURNS: dict[str, Any] = {"origin": w.GROUP}
REGISTERED: dict[str, Any] = {"registered": frozenset({TG}), "targets": {TG: "healthy"}}


@pytest.mark.parametrize(
    ("reason", "it", "group", "wanted"),
    [
        ("it boots", coming(ec2_state="pending"), GROUP, []),
        ("it has booted and is stopped", coming(), GROUP, ["Halt"]),
        ("it is being stopped", coming(ec2_state="stopping"), GROUP, []),
        ("it is stopped", coming(ec2_state="stopped"), GROUP, ["Settle"]),
        ("it may run on", coming(), RUNS, ["Settle"]),
        ("it died at boot", coming(ec2_state="terminated"), GROUP, ["FailLaunch"]),
        ("the launch hook comes first", coming(ec2_state="pending"), HOOKED, ["Await"]),
        ("the hook is open", coming(**answered(None, w.PENDING_WAIT)), HOOKED, []),
        ("the hook is done", coming(**answered("CONTINUE", w.PENDING_WAIT)), HOOKED, ["Proceed"]),
        (
            "the hook gave up: another comes",
            coming(**answered("ABANDON", w.PENDING_WAIT)),
            HOOKED,
            ["BeginTerminate", "WarmUp"],
        ),
        ("hooks run once", coming(lifecycle="Warmed:Pending:Proceed"), HOOKED, ["Halt"]),
        ("it rests", warm("i-3"), GROUP, []),
        ("it rests, running", warm("i-3", lifecycle=w.RUNNING, ec2_state="running"), RUNS, []),
        (
            "one that returns leaves the balancer",
            coming(**RETURNS, **REGISTERED),
            GROUP,
            ["Deregister"],
        ),
        ("and drains", coming(**RETURNS, targets={TG: "draining"}), HOOKED, []),
        ("and only then has its hook", coming(**RETURNS), HOOKED, ["Await"]),
        ("without a hook it stops", coming(**RETURNS), GROUP, ["Halt"]),
        (
            "one that is ended as it returns is no failed launch",
            coming(**RETURNS, ec2_state="terminated"),
            GROUP,
            ["BeginTerminate", "WarmUp"],
        ),
        ("a hook holds up the end of one that sleeps", ending(), HOOKED, ["Await", "WarmUp"]),
        ("no hook does", ending(), GROUP, ["Proceed", "WarmUp"]),
        ("but with force", ending(abrupt=True), HOOKED, ["Terminate", "WarmUp"]),
        (
            "hooks are done",
            ending(lifecycle="Warmed:Terminating:Proceed"),
            HOOKED,
            ["Terminate", "WarmUp"],
        ),
        ("it is gone", ending(ec2_state="terminated"), GROUP, ["Forget", "WarmUp"]),
    ],
)
def test_an_instance_of_the_pool_lives_as_on_aws(
    reason: str, it: Member, group: Group, wanted: list[str]
) -> None:
    assert kinds(decide(group, [*LIVE, it], NOW)) == wanted, reason


def test_the_hooks_of_a_return_are_those_of_an_end() -> None:
    for origin, hook in ((w.EC2, "warm"), (w.GROUP, "flush")):
        (action,) = decide(HOOKED, [*LIVE, coming(origin=origin)], NOW)
        assert action == m.Await("i-3", (hook,), "Warmed:Pending:Wait")


def test_states_of_the_pool_keep_their_name_past_a_hook() -> None:
    ready = coming(**answered("CONTINUE", w.PENDING_WAIT))
    assert decide(HOOKED, [*LIVE, ready], NOW) == [m.Proceed("i-3", "Warmed:Pending:Proceed")]
    gone = ending(**answered("CONTINUE", "Warmed:Terminating:Wait"))
    assert decide(HOOKED, [*LIVE, gone, warm("i-4")], NOW) == [
        m.Proceed("i-3", "Warmed:Terminating:Proceed")
    ]


@pytest.mark.parametrize(
    ("reason", "pool", "inside", "wanted"),
    [
        ("as large as the group may become", Pool(), [], ["WarmUp", "WarmUp"]),
        ("a number of its own", Pool(prepared=3), [], ["WarmUp"]),
        ("smaller than the group is", Pool(prepared=1), [], []),
        ("but never below its minimum", Pool(prepared=1, minimum=1), [], ["WarmUp"]),
        ("what comes counts", Pool(prepared=3), [coming(ec2_state="pending")], []),
        (
            "what goes does not",
            Pool(prepared=3),
            [ending(ec2_state="shutting-down")],
            ["Proceed", "WarmUp"],
        ),
        ("what is too much goes", Pool(prepared=2), [warm("i-3")], ["BeginTerminate"]),
    ],
)
def test_the_pool_is_kept_at_its_size(
    reason: str, pool: Pool, inside: list[Member], wanted: list[str]
) -> None:
    assert kinds(decide(replace(GROUP, pool=pool), [*LIVE, *inside], NOW)) == wanted, reason


def test_a_pool_is_spread_over_the_zones() -> None:
    actions = decide(replace(GROUP, pool=Pool()), LIVE, NOW)
    assert [each.zone for each in actions if isinstance(each, w.WarmUp)] == [A[1], B[1]]


MORE = replace(GROUP, desired=3)


def test_a_scale_out_takes_from_the_pool() -> None:
    (action,) = decide(MORE, [*LIVE, warm("i-3")], NOW)
    assert isinstance(action, w.Take)
    assert action.member == "i-3"
    assert "increasing the capacity from 2 to 3." in action.cause


def test_a_pool_with_a_minimum_is_filled_up_in_the_same_step() -> None:
    group = replace(MORE, pool=Pool(minimum=1, prepared=1))
    assert kinds(decide(group, [*LIVE, warm("i-3")], NOW)) == ["Take", "WarmUp"]


def test_a_pool_that_is_empty_is_made_up_for_by_a_cold_start() -> None:
    group = replace(GROUP, desired=4)
    assert kinds(decide(group, [*LIVE, warm("i-3")], NOW)) == ["Take", "Launch"]


def test_the_emptier_zone_is_served_first() -> None:
    group = replace(MORE, desired=3, pool=Pool(minimum=1))
    actions = decide(
        group, [serving("i-1", A), serving("i-2", A), warm("i-3", A), warm("i-4", B)], NOW
    )
    assert [each.member for each in actions if isinstance(each, w.Take)] == ["i-4"]


@pytest.mark.parametrize(
    ("reason", "it"),
    [
        ("it is on its way into the pool", coming()),
        ("it is still being stopped", warm("i-3", ec2_state="stopping")),
        ("it is ill", warm("i-3", healthy=False)),
        ("a refresh is to replace it", warm("i-3", updated=False)),
        ("it is ended", ending()),
    ],
)
def test_what_is_not_ready_is_not_taken(reason: str, it: Member) -> None:
    group = replace(MORE, pool=Pool(minimum=1), suspended=frozenset({"ReplaceUnhealthy"}))
    actions = decide(group, [*LIVE, it], NOW)
    assert "Take" not in kinds(actions), reason
    assert "Launch" in kinds(actions), reason


def test_an_ill_instance_of_the_group_is_replaced_out_of_the_pool() -> None:
    ill = serving("i-2", B, healthy=False, cause="ill")
    taken = decide(GROUP, [LIVE[0], ill, warm("i-3")], NOW)
    assert kinds(taken) == ["BeginTerminate", "Take", "WarmUp"]
    assert [each.replaces for each in taken if isinstance(each, w.Take)] == [True]


def test_a_launch_that_failed_makes_launches_wait_and_not_the_pool() -> None:
    group = replace(MORE, pool=Pool(minimum=1), retry_at=NOW + 1)
    assert kinds(decide(group, [*LIVE, warm("i-3")], NOW)) == ["Take"]


@pytest.mark.parametrize(
    ("process", "group", "inside"),
    [
        ("Launch", GROUP, []),
        ("Launch", MORE, [warm("i-3")]),
        ("Terminate", replace(GROUP, pool=Pool(prepared=2)), [warm("i-3")]),
        ("Terminate", GROUP, [warm("i-3", healthy=False)]),
        ("ReplaceUnhealthy", GROUP, [warm("i-3", healthy=False)]),
        ("HealthCheck", GROUP, [warm("i-3", ec2_state="terminated")]),
    ],
)
def test_a_suspended_process_rests_for_the_pool_too(
    process: str, group: Group, inside: list[Member]
) -> None:
    assert decide(group, [*LIVE, *inside], NOW) != []
    assert decide(replace(group, suspended=frozenset({process})), [*LIVE, *inside], NOW) == []


@pytest.mark.parametrize(
    ("reason", "it", "wanted"),
    [
        ("one that sleeps is well", warm("i-3"), []),
        ("one that sleeps and was ended", warm("i-3", ec2_state="terminated"), ["MarkUnhealthy"]),
        ("one that is to run and sleeps", warm("i-3", lifecycle=w.RUNNING), ["MarkUnhealthy"]),
        ("one that was marked", warm("i-3", healthy=False), ["BeginTerminate", "WarmUp"]),
        ("none is checked before its hooks are done", coming(healthy=False), ["Halt"]),
    ],
)
def test_the_ill_of_a_pool_are_replaced(reason: str, it: Member, wanted: list[str]) -> None:
    assert kinds(decide(GROUP, [*LIVE, it], NOW)) == wanted, reason


FEWER = replace(REUSES, desired=1)


@pytest.mark.parametrize(
    ("reason", "group", "first", "inside", "wanted"),
    [
        ("reuse is asked for", FEWER, {}, [warm("i-3"), warm("i-4")], ["GiveBack"]),
        (
            "it is not",
            replace(FEWER, pool=Pool(prepared=4)),
            {},
            [warm("i-3"), warm("i-4")],
            ["BeginTerminate", "WarmUp"],
        ),
        (
            "the pool is full",
            FEWER,
            {},
            [warm("i-3"), warm("i-4"), warm("i-5")],
            ["BeginTerminate"],
        ),
        (
            "the pool has room for one of two",
            replace(FEWER, desired=0),
            {},
            [warm("i-3"), warm("i-4"), warm("i-5")],
            ["GiveBack", "BeginTerminate"],
        ),
        (
            "who goes is ill",
            FEWER,
            {"targets": {TG: "initial"}},
            [warm("i-3"), warm("i-4")],
            ["BeginTerminate", "WarmUp"],
        ),
        (
            "who goes is to be replaced",
            FEWER,
            {"updated": False},
            [warm("i-3"), warm("i-4")],
            ["BeginTerminate", "WarmUp"],
        ),
    ],
)
def test_a_scale_in_gives_back_what_may_be_used_again(
    reason: str, group: Group, first: dict[str, Any], inside: list[Member], wanted: list[str]
) -> None:
    live = [serving("i-1", A, **first), serving("i-2", A, launched=9)]
    assert kinds(decide(group, [*live, *inside], NOW)) == wanted, reason


def test_a_pool_that_is_deleted_goes_with_its_instances() -> None:
    group = replace(GROUP, desired=3, pool=Pool(prepared=3, minimum=2, deleting=True))
    assert kinds(decide(group, [*LIVE, warm("i-3")], NOW)) == ["Launch", "BeginTerminate"]
    settled = replace(group, desired=2)
    assert (
        kinds(decide(settled, [*LIVE, ending(ec2_state="shutting-down", abrupt=True)], NOW)) == []
    )
    assert kinds(decide(settled, LIVE, NOW)) == ["DropPool"]


def test_a_group_that_is_deleted_takes_its_pool_along() -> None:
    group = replace(HOOKED, deleting=True, desired=0)
    assert kinds(decide(group, [warm("i-3"), coming("i-4")], NOW)) == ["BeginTerminate"] * 2
    assert kinds(decide(group, [ending(abrupt=True)], NOW)) == ["Terminate"]
    assert kinds(decide(group, [ending(ec2_state="terminated")], NOW)) == ["Forget"]
