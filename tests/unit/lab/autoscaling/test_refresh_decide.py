"""What a refresh asks for, in single looks: the arithmetic, and who goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bakehouse_lab.autoscaling import model as g
from bakehouse_lab.autoscaling.capacity import bounds
from bakehouse_lab.autoscaling.model import Group, Member, Renewal
from bakehouse_lab.autoscaling.refresh import model as m
from bakehouse_lab.autoscaling.refresh.decide import decide
from bakehouse_lab.autoscaling.refresh.model import Preferences, Refresh

NOW = 10_000.0
TG = "arn:tg"
LAUNCH_FIRST = Preferences(least=100, most=200, warmup=60)
AWS_DEFAULT = Preferences(warmup=60)


def group(desired: int, *suspended: str) -> Group:
    return Group(
        "web", 0, 20, desired, (("s-a", "a"),), elb_checks=True, suspended=frozenset(suspended)
    )


def members(prefix: str, number: int, **how: Any) -> list[Member]:
    usual: dict[str, Any] = {
        "lifecycle": g.IN_SERVICE,
        "ec2_state": "running",
        "targets": {TG: "healthy"},
        "updated": False,
    }
    return [
        Member(f"{prefix}{each}", subnet="s-a", zone="a", **{**usual, **how})
        for each in range(1, number + 1)
    ]


def old(number: int, **how: Any) -> list[Member]:
    return members("old", number, **how)


def new(number: int, **how: Any) -> list[Member]:
    return members("new", number, updated=True, current=True, **how)


def under_way(preferences: Preferences, **how: Any) -> Refresh:
    usual: dict[str, Any] = {"status": m.IN_PROGRESS, "began": NOW, "progressed": NOW}
    return Refresh(preferences, **{**usual, **how})


@pytest.mark.parametrize(
    ("reason", "desired", "least", "most", "wanted"),
    [
        ("the default takes one of two out first", 2, 90, None, (1, 2)),
        ("one of ten", 10, 90, None, (9, 10)),
        ("two of twenty", 20, 90, None, (18, 20)),
        ("even with 100, when the maximum is left out", 4, 100, None, (3, 4)),
        ("an only instance goes before its replacement is there", 1, 90, None, (0, 1)),
        ("100/200 is one wave", 4, 100, 200, (4, 8)),
        ("100/110 of four leaves no room: one comes first", 4, 100, 110, (4, 5)),
        ("100/100 too", 2, 100, 100, (2, 3)),
        ("90/100 of two rounds up to two, and leaves no room", 2, 90, 100, (2, 3)),
        ("50/150 of four takes two out and starts some at once", 4, 50, 150, (2, 6)),
        ("the lower bound rounds up", 3, 34, 100, (2, 3)),
        ("0/100 may take all out at once", 4, 0, 100, (0, 4)),
    ],
)
def test_the_bounds(
    reason: str, desired: int, least: int, most: int | None, wanted: tuple[int, int]
) -> None:
    assert bounds(desired, least, most) == wanted, reason


COLD = {"in_service": NOW - 59}
PENDING = {"lifecycle": g.PENDING, "ec2_state": "pending", "targets": {}}
ILL = {"targets": {TG: "unhealthy"}}
UNSEEN = {"targets": {TG: "initial"}}
SAFE = {"protected": True}
RESTS = {"lifecycle": g.STANDBY, "targets": {}}


@pytest.mark.parametrize(
    ("reason", "preferences", "fleet", "wanted"),
    [
        ("launch first: none goes before its replacement", LAUNCH_FIRST, old(2), (2, 0)),
        ("nor while that boots", LAUNCH_FIRST, old(2) + new(2, **PENDING), (2, 0)),
        ("nor while that warms up", LAUNCH_FIRST, old(2) + new(2, **COLD), (2, 0)),
        ("nor before its first health check", LAUNCH_FIRST, old(2) + new(2, **UNSEEN), (2, 0)),
        ("nor when it is ill", LAUNCH_FIRST, old(2) + new(2, **ILL), (2, 0)),
        ("as many go as are ready", LAUNCH_FIRST, old(2) + new(1) + new(1, **COLD), (1, 1)),
        ("all at once", LAUNCH_FIRST, old(2) + new(2), (0, 2)),
        ("an old one that does not serve goes at once", LAUNCH_FIRST, old(2, **ILL), (0, 2)),
        ("AWS's default: one goes, whatever the minimum", AWS_DEFAULT, old(2), (0, 1)),
        ("and no other before its replacement is ready", AWS_DEFAULT, old(1) + new(1, **COLD), 0),
        ("then the next", AWS_DEFAULT, old(1) + new(1), (0, 1)),
        (
            "a protected one is passed over when told so",
            replace(LAUNCH_FIRST, protected="Ignore"),
            old(1) + members("safe", 1, **SAFE),
            (1, 0),
        ),
        (
            "and waited for when not: only the other is replaced",
            LAUNCH_FIRST,
            old(1) + members("safe", 1, **SAFE),
            (1, 0),
        ),
        (
            "or replaced like any",
            replace(LAUNCH_FIRST, protected="Refresh"),
            old(2, **SAFE) + new(2),
            (0, 2),
        ),
        (
            "one in standby is ended when told so",
            replace(LAUNCH_FIRST, standby="Terminate"),
            old(1, **RESTS) + new(2),
            (0, 1),
        ),
        (
            "and left when not",
            replace(LAUNCH_FIRST, standby="Ignore"),
            old(1, **RESTS) + members("o", 1) + new(1),
            (1, 0),
        ),
        (
            "a checkpoint bounds the wave",
            replace(LAUNCH_FIRST, checkpoints=(50, 100), delay=60),
            old(2),
            (1, 0),
        ),
    ],
)
def test_what_is_asked_of_a_group_of_two(
    reason: str,
    preferences: Preferences,
    fleet: list[Member],
    wanted: tuple[int, int] | int,
) -> None:
    asked = decide(under_way(preferences), group(2), fleet, NOW).renewal
    surge, retired = wanted if isinstance(wanted, tuple) else (0, wanted)
    assert (asked.surge, len(asked.retire)) == (surge, retired), reason


def test_the_ill_go_before_the_well_and_then_as_the_group_is_told() -> None:
    fleet = [*old(2, launched=5), *members("oldest", 1, launched=1), *members("ill", 1, **ILL)]
    asked = decide(under_way(AWS_DEFAULT), group(4), fleet, NOW).renewal
    assert asked.retire == ("ill1",)
    asked = decide(under_way(AWS_DEFAULT), group(3), fleet[:3], NOW).renewal
    assert asked.retire == ("oldest1",)


@pytest.mark.parametrize(
    ("reason", "fleet", "desired", "percentage", "to_update"),
    [
        (
            "a quarter done, one warms up",
            old(2) + new(1) + members("n", 1, updated=True, **COLD),
            4,
            25,
            2,
        ),
        ("half done, the last warms up", new(1) + members("n", 1, updated=True, **COLD), 2, 50, 0),
        ("a single one warms up", new(1, **COLD), 1, 0, 0),
        ("nothing has begun", old(4), 4, 0, 4),
        ("a third, rounded down", old(2) + new(1), 3, 33, 2),
    ],
)
def test_how_far_it_is_said_to_be(
    reason: str, fleet: list[Member], desired: int, percentage: int, to_update: int
) -> None:
    changes = decide(under_way(AWS_DEFAULT), group(desired), fleet, NOW).changes
    (note,) = [each for each in changes if isinstance(each, m.Note)]
    assert (note.percentage, note.to_update) == (percentage, to_update), reason


@pytest.mark.parametrize(
    ("reason", "checkpoints", "fleet", "reached"),
    [
        ("the highest of several that are crossed", (10, 40, 100), old(1) + new(1), 40),
        ("none before it is reached", (60, 100), old(1) + new(1), None),
        ("the last one of 100 is none", (100,), old(1) + new(2), None),
        ("not while the replacement warms up", (50, 100), old(1) + new(1, **COLD), None),
    ],
)
def test_which_checkpoint_is_reached(
    reason: str, checkpoints: tuple[int, ...], fleet: list[Member], reached: int | None
) -> None:
    wanted = Preferences(warmup=60, checkpoints=checkpoints, delay=60)
    changes = decide(under_way(wanted), group(2), fleet, NOW).changes
    found = [each.percentage for each in changes if isinstance(each, m.Reach)]
    assert found == ([reached] if reached else []), reason


ALARMED = replace(LAUNCH_FIRST, alarms=("errors",))
SAVED = replace(ALARMED, auto_rollback=True)
STALLED = {"progressed": NOW - 3600, "best": 0}


@pytest.mark.parametrize(
    ("reason", "refresh", "fleet", "wanted"),
    [
        ("an alarm fails it", under_way(ALARMED, alarms={"errors": "ALARM"}), old(2), "Failed"),
        (
            "or turns it round",
            under_way(SAVED, alarms={"errors": "ALARM"}),
            old(1) + new(1),
            "RollBack",
        ),
        (
            "also while it bakes",
            under_way(SAVED, status=m.BAKING, until=NOW + 9, alarms={"errors": "ALARM"}),
            new(2),
            "RollBack",
        ),
        (
            "not while it goes back",
            under_way(SAVED, status=m.ROLLING_BACK, alarms={"errors": "ALARM"}),
            old(2),
            None,
        ),
        ("an hour without progress", under_way(LAUNCH_FIRST, **STALLED), old(2), "Failed"),
        ("nobody to go back to", under_way(SAVED, **STALLED), old(2), "RollBack"),
        (
            "an hour without progress on the way back",
            under_way(SAVED, status=m.ROLLING_BACK, **STALLED),
            old(2),
            "RollbackFailed",
        ),
        (
            "a checkpoint is no stall",
            under_way(LAUNCH_FIRST, until=NOW + 1, **STALLED),
            old(2),
            None,
        ),
        ("14 days", under_way(LAUNCH_FIRST, began=NOW - 14 * 86400), old(2), "Failed"),
        (
            "a protected one is waited for",
            under_way(LAUNCH_FIRST),
            members("safe", 1, **SAFE) + new(1),
            None,
        ),
        (
            "for an hour",
            under_way(LAUNCH_FIRST, **STALLED),
            members("safe", 1, **SAFE) + new(1),
            "Failed",
        ),
        (
            "one in standby is waited for",
            under_way(LAUNCH_FIRST),
            old(1, **RESTS) + new(2),
            None,
        ),
        ("all is new", under_way(LAUNCH_FIRST), new(2), "Successful"),
        ("all is new, and still warms up", under_way(LAUNCH_FIRST), new(2, **COLD), None),
        ("it bakes first", under_way(replace(LAUNCH_FIRST, bake=60)), new(2), "Bake"),
        ("it has baked", under_way(LAUNCH_FIRST, status=m.BAKING, until=NOW), new(2), "Successful"),
        ("all is back", under_way(SAVED, status=m.ROLLING_BACK), new(2), "RollbackSuccessful"),
        ("cancelled", under_way(LAUNCH_FIRST, status=m.CANCELLING), old(1) + new(1), "Cancelled"),
        (
            "cancelled, and waits for what comes",
            under_way(LAUNCH_FIRST, status=m.CANCELLING),
            old(2) + new(1, **PENDING),
            None,
        ),
        (
            "unless told not to",
            under_way(LAUNCH_FIRST, status=m.CANCELLING, settles=False),
            old(2) + new(1, **PENDING),
            "Cancelled",
        ),
        (
            "and for what goes",
            under_way(LAUNCH_FIRST, status=m.CANCELLING),
            new(2) + old(1, lifecycle=g.TERMINATING_WAIT),
            None,
        ),
        (
            "half is enough when the last checkpoint says so",
            under_way(replace(LAUNCH_FIRST, checkpoints=(50,))),
            old(1) + new(1),
            "Successful",
        ),
        (
            "but no third one is left behind",
            under_way(replace(LAUNCH_FIRST, checkpoints=(50,))),
            old(2) + new(1),
            None,
        ),
    ],
)
def test_how_it_ends(reason: str, refresh: Refresh, fleet: list[Member], wanted: str) -> None:
    changes = decide(refresh, group(2), fleet, NOW).changes
    ends = [
        each.status if isinstance(each, m.End) else type(each).__name__
        for each in changes
        if isinstance(each, m.End | m.RollBack | m.Bake)
    ]
    assert ends == ([wanted] if wanted else []), reason


@pytest.mark.parametrize(
    ("reason", "refresh", "how"),
    [
        ("the process is suspended", under_way(LAUNCH_FIRST), ("InstanceRefresh",)),
        ("an alarm has no data", under_way(ALARMED, alarms={"errors": "INSUFFICIENT_DATA"}), ()),
    ],
)
def test_nothing_new_is_begun_while(reason: str, refresh: Refresh, how: tuple[str, ...]) -> None:
    plan = decide(refresh, group(2, *how), old(2) + new(2), NOW)
    assert plan.renewal == Renewal(surplus=2), reason
    (note,) = plan.changes
    assert isinstance(note, m.Note)
    assert note.reason


@pytest.mark.parametrize("process", ["Launch", "Terminate"])
def test_none_goes_while_its_replacement_could_not_come(process: str) -> None:
    assert decide(under_way(AWS_DEFAULT), group(2, process), old(2), NOW).renewal.retire == ()


@pytest.mark.parametrize(
    ("reason", "fleet", "said"),
    [
        ("warms up", new(2, **COLD), "For example: new1 is warming up."),
        ("boots", new(2, **PENDING), "new1 has insufficient data to evaluate its health with Am"),
        ("is ill", new(2, **ILL), "new1 is unhealthy with Elastic Load Balancing."),
        ("protected", members("safe", 1, **SAFE) + new(1), "safe1 is protected. Remove instance"),
        ("rests", old(1, **RESTS) + new(2), "old1 is in Standby."),
    ],
)
def test_what_it_waits_for_is_said(reason: str, fleet: list[Member], said: str) -> None:
    (note,) = decide(under_way(LAUNCH_FIRST), group(2), fleet, NOW).changes
    assert isinstance(note, m.Note)
    assert said in note.reason, reason


def test_a_refresh_with_nothing_to_replace_is_successful_at_once() -> None:
    plan = decide(Refresh(replace(LAUNCH_FIRST, skip_matching=True)), group(2), new(2, **ILL), NOW)
    assert plan.changes == (m.Begin(), m.End(m.SUCCESSFUL))


def test_progress_that_is_written_down_already_is_not_written_again() -> None:
    refresh = under_way(LAUNCH_FIRST, percentage=0, to_update=2, best=-2)
    assert decide(refresh, group(2), old(2), NOW).changes == ()
