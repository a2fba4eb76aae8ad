"""The rules at both ends of an instance's life."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.decide import (
    Arriving,
    Beat,
    Complete,
    Departing,
    Kill,
    Leave,
    Look,
    Step,
    Stop,
    Warm,
    arrive,
    depart,
)

LIMIT = 100
HELD: dict[str, Any] = {"state": "Pending:Wait", "unheard": 1}
ENDS: dict[str, Any] = {"state": "Terminating:Wait", "unheard": 1}


@pytest.mark.parametrize(
    ("why", "seen", "step"),
    [
        ("no group, no hook", Arriving(), Leave()),
        ("it serves already", Arriving(state="InService"), Leave()),
        ("the group has not got so far", Arriving(state="Pending"), Look()),
        ("and never will", Arriving(state="Pending", seconds=LIMIT), Leave()),
        ("say first that we are here", Arriving(state="Pending:Wait"), Beat()),
        ("another's hook waits", Arriving(state="Pending:Wait", refused=True), Leave()),
        ("not before it answers", Arriving(**HELD, trouble="502"), Look()),
        ("nor before it is warm", Arriving(**HELD), Warm()),
        ("ready and warm", Arriving(**HELD, warm=True), Complete("CONTINUE")),
        ("late, but ready", Arriving(**HELD, warm=True, seconds=LIMIT), Complete("CONTINUE")),
        ("too late", Arriving(**HELD, trouble="502", seconds=LIMIT), Complete("ABANDON", "502")),
        ("long unheard", Arriving(**(HELD | {"unheard": 10}), trouble="502"), Beat()),
    ],
)
def test_a_host_that_comes(why: str, seen: Arriving, step: Step) -> None:
    assert arrive(seen, LIMIT) == step, why


@pytest.mark.parametrize(
    ("why", "seen", "step"),
    [
        ("it is gone from its group", Departing(), Leave()),
        ("it came back", Departing(state="InService"), Leave()),
        ("the balancer drains, workers work", Departing(state="Terminating"), Look()),
        ("no hook waited", Departing(state="Terminating:Proceed"), Leave()),
        ("another's hook waits", Departing(state="Terminating:Wait", refused=True), Leave()),
        ("say first that we are here", Departing(state="Terminating:Wait"), Beat()),
        ("then stop what takes jobs", Departing(**ENDS), Stop()),
        ("a job is being done", Departing(**ENDS, stopped=True, running=("w",)), Look()),
        ("all have ended", Departing(**ENDS, stopped=True), Complete("CONTINUE")),
        (
            "a job that lasts, and long unheard",
            Departing(**(ENDS | {"unheard": 10}), stopped=True, running=("w",)),
            Beat(),
        ),
        (
            "a job that does not end",
            Departing(**ENDS, stopped=True, running=("w",), seconds=LIMIT),
            Kill(("w",)),
        ),
        (
            "killed, and not gone yet",
            Departing(**ENDS, stopped=True, running=("w",), seconds=LIMIT + 5, killed=True),
            Look(),
        ),
        (
            "nobody is waited for without end",
            Departing(**ENDS, stopped=True, running=("w",), seconds=LIMIT + 10, killed=True),
            Complete("CONTINUE"),
        ),
    ],
)
def test_a_host_that_goes(why: str, seen: Departing, step: Step) -> None:
    assert depart(seen, LIMIT) == step, why
