"""A host that goes, from the first sign to what it tells its group."""

from __future__ import annotations

import pytest
from tests.unit.lifecycle.conftest import Instance, PretendGroup, PretendTime

from lifecycle.depart import Wanted, depart

WANTED = Wanted("ours", 5, 110)
ENDS = [(0.0, "InService"), (1060.0, "Terminating"), (1080.0, "Terminating:Wait")]
WORKER, TIMER, TASK = "laravel-worker@1.service", "laravel-scheduler.timer", "laravel-schedule@1"


def going(time: PretendTime, hook: str = "ours") -> Instance:
    return Instance(time, PretendGroup(time, ENDS, hook))


def test_a_job_that_runs_is_waited_for_and_then_the_instance_may_end(time: PretendTime) -> None:
    host = going(time)
    units = host.systemd({TIMER: 0, WORKER: 20})
    assert depart(host.world, units, WANTED) == 0
    assert host.group.results == ["CONTINUE"]
    assert 1100 <= time.now < 1104
    assert host.units.killed == []
    assert host.said[0] == f"This instance ends. Stopping: {TIMER}, {WORKER}"


def test_nothing_is_stopped_while_the_load_balancer_drains(time: PretendTime) -> None:
    host = going(time)
    depart(host.world, host.systemd({WORKER: 1}), WANTED)
    assert 1080 <= host.units.told[WORKER] < 1084


def test_a_task_of_the_schedule_is_waited_for_and_not_told_to_stop(time: PretendTime) -> None:
    host = going(time)
    depart(host.world, host.systemd({WORKER: 1}, alone={TASK: 1130}), WANTED)
    assert TASK not in host.units.told
    assert 1130 <= time.now < 1132


def test_the_hook_hears_of_it_as_long_as_a_job_lasts(time: PretendTime) -> None:
    host = going(time)
    depart(host.world, host.systemd({WORKER: 100}), WANTED)
    pauses = [b - a for a, b in zip(host.group.beats, host.group.beats[1:], strict=False)]
    assert len(pauses) >= 9
    assert max(pauses) < 12


def test_a_job_that_does_not_end_is_ended_and_reported(time: PretendTime) -> None:
    host = going(time)
    assert depart(host.world, host.systemd({WORKER: 1e9}), WANTED) == 0
    assert host.units.killed == [WORKER]
    assert host.group.results == ["CONTINUE"]
    assert f"Killed after 110 s, with the job they had: {WORKER}" in host.said
    assert f"Did not end by themselves: {WORKER} (signal)" in host.said


@pytest.mark.parametrize("hook", ["", "another's"])
def test_without_a_hook_of_ours_nothing_is_done_and_nothing_said(
    time: PretendTime, hook: str
) -> None:
    host = going(time, hook)
    assert depart(host.world, host.systemd({WORKER: 1}), WANTED) == 0
    assert (host.units.told, host.group.results, host.said) == ({}, [], [])


def test_a_host_that_serves_asks_its_own_metadata_and_nobody_else(time: PretendTime) -> None:
    host = going(time)
    host.group.states = [(0.0, "InService"), (90_000.0, "Terminating:Wait")]
    before = time.now
    depart(host.world, host.systemd({}), WANTED)
    assert time.now - before > 80_000
    assert host.group.calls == 3  # its state, a heartbeat, the end


def test_jobs_are_let_end_also_when_the_api_is_away(time: PretendTime, silence: Exception) -> None:
    host = going(time)
    host.group.troubles = [silence]
    depart(host.world, host.systemd({WORKER: 30}), WANTED)
    assert host.group.results == ["CONTINUE"]
    assert host.units.killed == []
