"""The example environment's hooks and rights fit what a host does about them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakehouse_lab import environment
from lifecycle.decide import BEAT_SECONDS

ROOT = Path(__file__).parents[2]
ROLE = yaml.safe_load((ROOT / "roles/lifecycle/defaults/main.yml").read_text())
HOOKS: dict[str, dict[str, Any]] = {
    str(hook["LifecycleTransition"]).rpartition("_")[2]: dict(hook) for hook in environment.HOOKS
}


def test_the_group_waits_for_those_hooks_that_its_hosts_answer() -> None:
    names = {transition: hook["LifecycleHookName"] for transition, hook in HOOKS.items()}
    assert names == {
        "LAUNCHING": ROLE["lifecycle_launch_hook"],
        "TERMINATING": ROLE["lifecycle_terminate_hook"],
    }


def test_a_host_gives_up_before_its_group_does() -> None:
    assert HOOKS["LAUNCHING"]["HeartbeatTimeout"] > ROLE["lifecycle_ready_seconds"]
    assert HOOKS["LAUNCHING"]["DefaultResult"] == "ABANDON"


def test_a_heartbeat_may_be_lost_more_than_once() -> None:
    assert HOOKS["TERMINATING"]["HeartbeatTimeout"] > 3 * BEAT_SECONDS


@pytest.mark.parametrize(
    ("shorter", "role"), [("job_seconds", "laravel_worker"), ("stop_seconds", "laravel_scheduler")]
)
def test_what_runs_has_the_time_that_its_own_unit_grants(shorter: str, role: str) -> None:
    """A worker's unit grants 15 seconds more than a job."""
    theirs = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text())
    assert theirs[f"{role}_{shorter}"] + 15 < ROLE["lifecycle_stop_seconds"]


def test_hosts_may_do_what_they_call_and_nothing_else_of_auto_scaling() -> None:
    code = (ROOT / "roles/lifecycle/files/usr/local/lib/bakehouse/lifecycle/asg.py").read_text()
    called = set(re.findall(r'"(autoscaling:\w+)"', code))
    rights = environment._rights(environment.Making(str, "", print), "a-bucket")
    granted = {
        action
        for each in rights
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        if action.startswith("autoscaling:")
    }
    assert granted == called
    readme = (ROOT / "roles/lifecycle/README.md").read_text()
    shown = json.loads(re.findall(r"```json\n(.*?)```", readme, re.S)[0])
    resources = [each["Resource"] for each in rights]
    assert [each for each in shown if each["Resource"] not in resources] == []
