"""What the lab does about an instance, whatever state it and its container are in."""

from __future__ import annotations

import pytest

from bakehouse_lab.ec2.lifecycle import (
    BY_ITSELF,
    OUR_FAULT,
    Ending,
    Forget,
    Halt,
    Host,
    Launch,
    Record,
    Remove,
    Restart,
    Start,
    State,
    Step,
    Stopped,
    Terminated,
    decide,
)

UP = Host(running=True)
DOWN = Host(running=False, exit_code=130)
REBOOTED = Host(running=False, exit_code=129)
KILLED = Host(running=False, exit_code=137)

SHUT_DOWN = f"{BY_ITSELF}: Instance initiated shutdown"
DIED = f"{OUR_FAULT}: its first process ended with status 137"

TABLE: list[tuple[str, Record, Host | None, Step | None]] = [
    ("a new instance gets a host", Record(State.PENDING), None, Launch()),
    ("a stopped one that was asked to start keeps its disk", Record(State.PENDING), DOWN, Start()),
    (
        "a launch that failed ends the instance and says why",
        Record(State.PENDING, failure="no space left"),
        None,
        Ending(OUR_FAULT, f"{OUR_FAULT}: no space left"),
    ),
    ("a well instance is left alone", Record(State.RUNNING), UP, None),
    ("a reboot that was asked for", Record(State.RUNNING, reboot=True), UP, Restart()),
    (
        "a reboot that a crash of the lab interrupted is finished",
        Record(State.RUNNING, reboot=True),
        DOWN,
        Start(),
    ),
    ("a host that reboots itself comes back", Record(State.RUNNING), REBOOTED, Start()),
    (
        "a host that cannot come back is stopped and says why",
        Record(State.RUNNING, failure="no memory"),
        REBOOTED,
        Stopped(OUR_FAULT, f"{OUR_FAULT}: no memory"),
    ),
    ("poweroff stops it", Record(State.RUNNING), DOWN, Stopped(BY_ITSELF, SHUT_DOWN)),
    (
        "poweroff ends it when its shutdown behaviour is to terminate",
        Record(State.RUNNING, ends_at_shutdown=True),
        DOWN,
        Ending(BY_ITSELF, SHUT_DOWN),
    ),
    ("a killed init shows as our fault", Record(State.RUNNING), KILLED, Stopped(OUR_FAULT, DIED)),
    (
        "a killed init is no shutdown, whatever the shutdown behaviour",
        Record(State.RUNNING, ends_at_shutdown=True),
        KILLED,
        Stopped(OUR_FAULT, DIED),
    ),
    (
        "a container removed by hand ends the instance",
        Record(State.RUNNING),
        None,
        Ending(OUR_FAULT, f"{OUR_FAULT}: its host vanished, disk and all"),
    ),
    ("a stop is asked of the host", Record(State.STOPPING), UP, Halt()),
    ("a forced stop does not ask", Record(State.STOPPING, forced=True), UP, Halt(forced=True)),
    (
        "a host that stopped as asked keeps the API's reason",
        Record(State.STOPPING),
        DOWN,
        Stopped(),
    ),
    ("a stopped instance stays stopped", Record(State.STOPPED), DOWN, None),
    ("a stopped instance whose host was started by hand", Record(State.STOPPED), UP, Halt()),
    ("termination removes a running host", Record(State.SHUTTING_DOWN), UP, Remove()),
    ("termination removes a stopped host", Record(State.SHUTTING_DOWN), DOWN, Remove()),
    ("gone is what has no host", Record(State.SHUTTING_DOWN), None, Terminated()),
    ("nothing of a terminated instance is left behind", Record(State.TERMINATED), DOWN, Remove()),
    (
        "a terminated instance is shown for a while",
        Record(State.TERMINATED, ended=900.0),
        None,
        None,
    ),
    ("and then no more", Record(State.TERMINATED, ended=-3000.0), None, Forget()),
]


@pytest.mark.parametrize(
    ("record", "host", "step"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_each_difference_between_record_and_host_has_its_step(
    record: Record, host: Host | None, step: Step | None
) -> None:
    assert decide(record, host, now=1000.0) == step


def test_every_state_has_the_number_that_ec2_gives_it() -> None:
    assert {state.value: state.code for state in State} == {
        "pending": 0,
        "running": 16,
        "shutting-down": 32,
        "terminated": 48,
        "stopping": 64,
        "stopped": 80,
    }
