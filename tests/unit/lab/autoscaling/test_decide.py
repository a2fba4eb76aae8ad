from dataclasses import replace
from typing import Any

import pytest

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.decide import decide
from bakehouse_lab.autoscaling.health import ELB_CAUSE
from bakehouse_lab.autoscaling.model import Group, Hook, Member, Wait

NOW = 1000.0
A, B = ("subnet-a", "us-east-1a"), ("subnet-b", "us-east-1b")
TG = "arn:tg"
ON_LAUNCH = Hook("warm", m.LAUNCHING, 60, "ABANDON")
ON_END = Hook("flush", m.ENDING, 60, "CONTINUE")

GROUP = Group("web", 0, 4, 2, (A, B), target_groups=(TG,), elb_checks=True, grace=100)


def member(name: str, place: tuple[str, str] = A, **how: Any) -> Member:
    usual: dict[str, Any] = {
        "lifecycle": m.IN_SERVICE,
        "ec2_state": "running",
        "registered": frozenset({TG}),
        "targets": {TG: "healthy"},
        "in_service": 0.0,
    }
    return Member(name, subnet=place[0], zone=place[1], **{**usual, **how})


def coming(name: str, **how: Any) -> Member:
    return member(name, **{"lifecycle": m.PENDING, "registered": frozenset(), "targets": {}, **how})


def leaving(name: str, **how: Any) -> Member:
    return member(name, **{"lifecycle": m.TERMINATING, **how})


ILL = {"targets": {TG: "unhealthy"}}
NEW = {"in_service": NOW}
DEAD = {"ec2_state": "terminated"}
UNCHECKED = replace(GROUP, suspended=frozenset({"HealthCheck"}))

W1, W2 = member("i-1", A), member("i-2", B)
OLD_VERSION = member("i-2", B, current=False, launched=9)


def kinds(actions: list[m.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_whole_and_healthy_group_is_left_alone() -> None:
    assert decide(GROUP, [W1, W2], NOW) == []


def test_an_empty_group_is_filled_over_its_zones() -> None:
    actions = decide(GROUP, [], NOW)
    assert [(each.subnet, each.zone) for each in actions if isinstance(each, m.Launch)] == [A, B]
    assert "increasing the capacity from 0 to 2." in str(actions[0])


def test_the_emptier_zone_gets_the_new_instance() -> None:
    (action,) = decide(replace(GROUP, desired=3), [W1, member("i-2", A)], NOW)
    assert isinstance(action, m.Launch)
    assert action.zone == B[1]


def test_of_equally_full_zones_the_one_that_has_waited_longest_gets_it() -> None:
    replaced = [member("i-3", A, launched=9.0), W2]
    (action,) = decide(replace(GROUP, desired=3), replaced, NOW)
    assert isinstance(action, m.Launch)
    assert action.zone == B[1]


@pytest.mark.parametrize(
    ("reason", "it", "group", "wanted"),
    [
        ("it boots", coming("i-1", ec2_state="pending"), GROUP, []),
        ("it runs", coming("i-1"), GROUP, ["Register", "EnterService"]),
        ("it died at boot", coming("i-1", ec2_state="terminated"), GROUP, ["FailLaunch"]),
        (
            "a hook waits from the very start, so that the host may answer early",
            coming("i-1", ec2_state="pending"),
            replace(GROUP, hooks=(ON_LAUNCH, ON_END)),
            ["Await"],
        ),
        (
            "the hook is open",
            coming("i-1", lifecycle=m.PENDING_WAIT, waits=(Wait("warm", NOW + 1, "ABANDON"),)),
            GROUP,
            [],
        ),
        (
            "the hook said go on",
            coming(
                "i-1",
                lifecycle=m.PENDING_WAIT,
                waits=(Wait("warm", NOW + 1, "ABANDON", "CONTINUE"),),
            ),
            GROUP,
            ["Proceed"],
        ),
        (
            "one of two hooks is still open",
            coming(
                "i-1",
                lifecycle=m.PENDING_WAIT,
                waits=(
                    Wait("warm", NOW + 1, "ABANDON", "CONTINUE"),
                    Wait("wire", NOW + 1, "ABANDON"),
                ),
            ),
            GROUP,
            [],
        ),
        (
            "one of two hooks gave up",
            coming(
                "i-1",
                lifecycle=m.PENDING_WAIT,
                waits=(
                    Wait("warm", NOW + 1, "ABANDON", "ABANDON"),
                    Wait("wire", NOW + 1, "ABANDON"),
                ),
            ),
            GROUP,
            ["BeginTerminate", "Launch"],
        ),
        (
            "nobody answered: the default counts",
            coming("i-1", lifecycle=m.PENDING_WAIT, waits=(Wait("warm", NOW, "CONTINUE"),)),
            GROUP,
            ["Proceed"],
        ),
        (
            "hooks are done",
            coming("i-1", lifecycle=m.PENDING_PROCEED),
            replace(GROUP, hooks=(ON_LAUNCH,)),
            ["Register", "EnterService"],
        ),
        (
            "back from standby: hooks do not run again",
            coming("i-1", hooked=False),
            replace(GROUP, hooks=(ON_LAUNCH,)),
            ["Register", "EnterService"],
        ),
        (
            "the load balancer is left alone while that is suspended",
            coming("i-1"),
            replace(GROUP, suspended=frozenset({"AddToLoadBalancer"})),
            ["EnterService"],
        ),
        (
            "a target group attached later gets the instance",
            W1,
            replace(GROUP, target_groups=(TG, "arn:more")),
            ["Register"],
        ),
        (
            "whoever took it out of the target group means it",
            member("i-1", targets={}),
            GROUP,
            [],
        ),
        ("the load balancer first", leaving("i-1"), GROUP, ["Deregister"]),
        (
            "requests under way may end",
            leaving("i-1", registered=frozenset(), targets={TG: "draining"}),
            GROUP,
            [],
        ),
        (
            "a dead host has nothing to drain",
            leaving("i-1", registered=frozenset(), targets={TG: "draining"}, ec2_state="stopped"),
            GROUP,
            ["Proceed"],
        ),
        (
            "drained, and no hook",
            leaving("i-1", registered=frozenset(), targets={TG: "unused"}),
            GROUP,
            ["Proceed"],
        ),
        (
            "drained: the hook finds it idle",
            leaving("i-1", registered=frozenset(), targets={}),
            replace(GROUP, hooks=(ON_LAUNCH, ON_END)),
            ["Await"],
        ),
        (
            "an abandoned end is an end too",
            leaving(
                "i-1",
                lifecycle=m.TERMINATING_WAIT,
                waits=(Wait("flush", NOW + 9, "CONTINUE", "ABANDON"), Wait("x", NOW + 9, "")),
            ),
            GROUP,
            ["Proceed"],
        ),
        (
            "the end",
            leaving("i-1", lifecycle=m.TERMINATING_PROCEED, registered=frozenset()),
            GROUP,
            ["Terminate"],
        ),
        (
            "it is going",
            leaving("i-1", lifecycle=m.TERMINATING_PROCEED, ec2_state="shutting-down"),
            GROUP,
            [],
        ),
        (
            "gone",
            leaving("i-1", lifecycle=m.TERMINATING_PROCEED, ec2_state="terminated"),
            GROUP,
            ["Deregister", "Forget"],
        ),
        (
            "deleted by force: no draining, no hooks",
            leaving("i-1", abrupt=True),
            replace(GROUP, hooks=(ON_END,)),
            ["Terminate"],
        ),
        (
            "to standby: out of the load balancer",
            member("i-1", lifecycle=m.ENTERING_STANDBY),
            GROUP,
            ["Deregister"],
        ),
        (
            "standby",
            member("i-1", lifecycle=m.ENTERING_STANDBY, registered=frozenset(), targets={}),
            GROUP,
            ["EnterStandby"],
        ),
        (
            "nobody checks the health of one that rests",
            member("i-1", lifecycle=m.STANDBY, ec2_state="stopped"),
            GROUP,
            [],
        ),
        (
            "detached",
            member("i-1", lifecycle=m.DETACHING, registered=frozenset(), targets={}),
            GROUP,
            ["Forget"],
        ),
    ],
)
def test_the_life_of_an_instance(reason: str, it: Member, group: Group, wanted: list[str]) -> None:
    alone = replace(group, desired=1 if it.lifecycle in m.CAPACITY else 0)
    assert kinds(decide(alone, [it], NOW)) == wanted, reason


@pytest.mark.parametrize(
    ("reason", "how", "group", "ill"),
    [
        ("it does not run", {"ec2_state": "stopped"}, GROUP, True),
        ("not even within the grace period", {**DEAD, **NEW}, GROUP, True),
        ("the load balancer says so", ILL, GROUP, True),
        ("but not within the grace period", {**ILL, **NEW}, GROUP, False),
        ("nor when only EC2 is asked", ILL, replace(GROUP, elb_checks=False), False),
        ("a new target may need time", {"targets": {TG: "initial"}}, GROUP, False),
        ("checks are suspended", DEAD, UNCHECKED, False),
    ],
)
def test_what_makes_an_instance_ill(
    reason: str, how: dict[str, Any], group: Group, ill: bool
) -> None:
    actions = decide(group, [member("i-1", **how), W2], NOW)
    assert kinds(actions) == (["MarkUnhealthy"] if ill else []), reason


SICK = member("i-1", healthy=False, cause=ELB_CAUSE)
DEAD_SICK = replace(SICK, ec2_state="terminated")


def test_an_ill_instance_is_replaced_and_the_cause_said() -> None:
    end, start = decide(GROUP, [SICK, W2], NOW)
    assert end == m.BeginTerminate("i-1", ELB_CAUSE, replace=True)
    assert isinstance(start, m.Launch)
    assert start.replaces
    assert start.zone == A[1]
    assert "unhealthy instance needing to be replaced" in start.cause


def test_a_replacement_that_is_owed_from_before_is_named_as_one() -> None:
    first, second = decide(replace(GROUP, replacing=1), [], NOW)
    assert isinstance(first, m.Launch) and isinstance(second, m.Launch)
    assert (first.replaces, second.replaces) == (False, True)


@pytest.mark.parametrize("process", ["ReplaceUnhealthy", "Terminate"])
def test_an_ill_instance_stays_while_that_is_suspended(process: str) -> None:
    group = replace(GROUP, suspended=frozenset({process}))
    assert decide(group, [SICK, W2], NOW) == []


def test_sick_instances_are_replaced_one_at_a_time_and_dead_ones_at_once() -> None:
    also_sick = replace(SICK, id="i-3")
    dead = replace(SICK, id="i-4", ec2_state="terminated")
    group = replace(GROUP, desired=3)
    ended = [
        action.member
        for action in decide(group, [SICK, also_sick, dead], NOW)
        if isinstance(action, m.BeginTerminate)
    ]
    assert ended == ["i-4", "i-1"]
    going = leaving("i-0", healthy=False)
    assert "BeginTerminate" not in kinds(decide(group, [going, SICK, W2, W1], NOW))


FIRST = replace(GROUP, policy=(100, 110), warmup=30)
RELIEF = member("i-3", A, in_service=NOW - 30)


@pytest.mark.parametrize(
    ("reason", "group", "members", "wanted"),
    [
        ("its replacement comes first", FIRST, [SICK, W2], ["Launch"]),
        ("and boots", FIRST, [SICK, W2, coming("i-3", ec2_state="pending")], []),
        ("and warms up", FIRST, [SICK, W2, replace(RELIEF, in_service=NOW - 29)], []),
        ("and then it goes", FIRST, [SICK, W2, RELIEF], ["BeginTerminate"]),
        ("one of two sick ones at a time", FIRST, [SICK, replace(SICK, id="i-2")], ["Launch"]),
        (
            "and none waits for the other",
            FIRST,
            [SICK, replace(SICK, id="i-2"), RELIEF],
            ["BeginTerminate", "Launch"],
        ),
        (
            "where half may be missing it goes at once",
            replace(FIRST, policy=(50, 100)),
            [SICK, W2],
            ["BeginTerminate", "Launch"],
        ),
        ("a dead one is not waited for", FIRST, [DEAD_SICK, W2], ["BeginTerminate", "Launch"]),
        ("all is well: nobody on top", FIRST, [W1, W2], []),
    ],
)
def test_a_maintenance_policy_says_whether_the_replacement_comes_first(
    reason: str, group: Group, members: list[Member], wanted: list[str]
) -> None:
    assert kinds(decide(group, members, NOW)) == wanted, reason


def test_a_replacement_that_comes_first_says_what_it_is_for() -> None:
    (action,) = decide(FIRST, [SICK, W2], NOW)
    assert isinstance(action, m.Launch)
    assert "unhealthy instance needing to be replaced" in action.cause


def test_what_a_refresh_ends_is_made_good_at_once_unless_it_was_in_standby() -> None:
    resting = member("i-3", lifecycle=m.STANDBY)
    group = replace(GROUP, renewal=m.Renewal(retire=("i-2", "i-3")))
    actions = decide(group, [W1, W2, resting], NOW)
    ended = {each.member: each.renew for each in actions if isinstance(each, m.BeginTerminate)}
    assert ended == {"i-2": True, "i-3": False}
    assert [each.renews for each in actions if isinstance(each, m.Launch)] == [True]


def test_while_a_refresh_wants_more_they_stay_and_then_no_longer() -> None:
    members = [W1, W2, member("i-3"), member("i-4", B)]
    assert decide(replace(GROUP, renewal=m.Renewal(surge=2, surplus=2)), members, NOW) == []
    assert decide(replace(GROUP, renewal=m.Renewal(surplus=2)), members, NOW) == []
    assert kinds(decide(GROUP, members, NOW)) == ["BeginTerminate", "BeginTerminate"]


def test_no_launch_soon_after_one_that_failed() -> None:
    assert decide(replace(GROUP, retry_at=NOW + 1), [], NOW) == []
    assert kinds(decide(replace(GROUP, retry_at=NOW), [], NOW)) == ["Launch", "Launch"]


@pytest.mark.parametrize(
    ("reason", "members", "policy", "victim"),
    [
        ("the fullest zone", [W1, W2, member("i-3", B, launched=9)], "Default", "i-2"),
        ("the sick before the well", [W1, replace(W2, healthy=False)], "Default", "i-2"),
        ("the old version first", [W1, OLD_VERSION], "Default", "i-2"),
        ("then the oldest", [replace(W1, launched=2), W2], "Default", "i-2"),
        ("or the newest, if asked", [W1, replace(W2, launched=2)], "NewestInstance", "i-2"),
        ("never a protected one", [replace(W1, protected=True), W2], "Default", "i-2"),
        ("nobody when all are", [replace(W1, protected=True)], "Default", None),
    ],
)
def test_who_goes_when_the_group_shrinks(
    reason: str, members: list[Member], policy: str, victim: str | None
) -> None:
    group = replace(
        GROUP,
        desired=len(members) - 1,
        policies=(policy,),
        suspended=frozenset({"ReplaceUnhealthy"}),
    )
    ended = [
        action.member
        for action in decide(group, members, NOW)
        if isinstance(action, m.BeginTerminate)
    ]
    assert ended == ([victim] if victim else []), reason


def test_shrinking_waits_while_that_is_suspended() -> None:
    group = replace(GROUP, desired=0, suspended=frozenset({"Terminate"}))
    assert decide(group, [W1, W2], NOW) == []


def test_a_deleted_group_ends_its_instances_and_then_itself() -> None:
    group = replace(GROUP, deleting=True)
    assert kinds(decide(group, [W1, leaving("i-2", abrupt=True)], NOW)) == [
        "BeginTerminate",
        "Terminate",
    ]
    assert decide(group, [], NOW) == [m.DeleteGroup()]
