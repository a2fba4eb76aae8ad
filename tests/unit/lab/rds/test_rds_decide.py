"""What is done next about databases, whatever state records and containers are in."""

from __future__ import annotations

import pytest

from bakehouse_lab.rds.decide import (
    PATIENCE_SECONDS,
    Action,
    Database,
    Snapshot,
    Verb,
    decide,
)

NOW = 1000.0
LATE = NOW - PATIENCE_SECONDS - 1


def db(status: str, since: float = NOW) -> Database:
    return Database("db", status, since)


UP, DOWN, GONE = {"db": True}, {"db": False}, dict[str, bool]()

ONE_DATABASE = [
    ("a new database is made", db("creating"), GONE, Verb.CREATE),
    ("what an earlier process left is no reason not to", db("creating"), UP, Verb.CREATE),
    ("a well database is left alone", db("available"), UP, None),
    ("one that died is brought up again", db("available"), DOWN, Verb.BRING_UP),
    ("one whose container vanished, too", db("available"), GONE, Verb.BRING_UP),
    ("a stopped one stays stopped", db("stopped"), DOWN, None),
    ("a start that was asked for", db("starting"), DOWN, Verb.BRING_UP),
    ("a new password", db("resetting-master-credentials"), UP, Verb.BRING_UP),
    ("any other change", db("modifying"), UP, Verb.BRING_UP),
    ("a reboot", db("rebooting"), UP, Verb.REBOOT),
    ("a stop", db("stopping"), UP, Verb.STOP),
    ("a deletion", db("deleting"), UP, Verb.DISPOSE),
    ("a deletion of what never started", db("deleting"), GONE, Verb.DISPOSE),
    ("what does not come up is given up", db("creating", LATE), UP, Verb.GIVE_UP),
    ("so is a reboot", db("rebooting", LATE), UP, Verb.GIVE_UP),
    ("a well one is not given up for its age", db("available", LATE), UP, None),
    ("a deletion goes on for as long as it takes", db("deleting", LATE), UP, Verb.DISPOSE),
    ("a failed one is left for a person to look at", db("failed"), UP, None),
]


@pytest.mark.parametrize(("reason", "database", "running", "verb"), ONE_DATABASE)
def test_one_database(
    reason: str, database: Database, running: dict[str, bool], verb: Verb | None
) -> None:
    expected = [Action(verb, "db")] if verb else []
    assert decide([database], [], running, NOW) == expected, reason


def test_a_container_that_no_record_speaks_of_is_discarded() -> None:
    assert decide([], [], {"old": True}, NOW) == [Action(Verb.DISCARD, "old")]


def test_a_snapshot_is_copied_from_a_running_database() -> None:
    wanted = [Snapshot("friday", "creating", "db")]
    assert decide([db("available")], wanted, UP, NOW) == [Action(Verb.COPY, "friday")]


def test_a_snapshot_waits_until_its_database_has_been_made() -> None:
    wanted = [Snapshot("friday", "creating", "db")]
    assert decide([db("creating")], wanted, GONE, NOW) == [Action(Verb.CREATE, "db")]


def test_a_database_is_not_deleted_before_its_final_snapshot_is_copied() -> None:
    wanted = [Snapshot("final", "creating", "db")]
    assert decide([db("deleting")], wanted, UP, NOW) == [Action(Verb.COPY, "final")]


def test_a_deleted_snapshot_is_erased() -> None:
    assert decide([], [Snapshot("old", "deleting", "db")], {}, NOW) == [Action(Verb.ERASE, "old")]
