"""`scripts/refresh` on a group that waits for its hosts at both ends of their lives."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bakehouse_lab.environment import HOOKS

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.tool.conftest import Team

WAITS = {"Pending:Wait": "bakehouse-launch", "Terminating:Wait": "bakehouse-terminate"}


class Hosts:
    """They answer their group's hooks as roles/lifecycle does, at each wait of the command."""

    def __init__(self, team: Team, arrival: str, after: float = 0) -> None:
        """`arrival`: what a host says that comes, CONTINUE or ABANDON; `after` so many seconds."""
        self.team, self.arrival, self.after = team, arrival, after
        self.since: dict[tuple[str, str], float] = {}
        self.answered: Counter[str] = Counter()
        for hook in HOOKS:
            team.desk.asg.put_lifecycle_hook(AutoScalingGroupName="web", **hook)
        team.befalls = self.answer

    def answer(self) -> None:
        for host in self.team.desk.instances():
            state, now = host["LifecycleState"], self.team.desk.now
            waits_since = self.since.setdefault((host["InstanceId"], state), now)
            if state in WAITS and now - waits_since >= self.after:
                self.answered[state] += 1
                self.team.desk.asg.complete_lifecycle_action(
                    AutoScalingGroupName="web",
                    LifecycleHookName=WAITS[state],
                    InstanceId=host["InstanceId"],
                    LifecycleActionResult=self.arrival if "Pending" in state else "CONTINUE",
                )


def test_hosts_that_answer_are_replaced_and_no_fewer_than_before_ever_serve(team: Team) -> None:
    hosts = Hosts(team, "CONTINUE")
    assert team.refreshes() == 0
    assert (team.images(), team.least) == ({team.image}, 2)
    assert hosts.answered == {"Pending:Wait": 2}
    team.pause(300)  # they drain, after the command's end
    team.pause(1)
    assert hosts.answered == {"Pending:Wait": 2, "Terminating:Wait": 2}


def test_the_first_plan_counts_with_what_hosts_took_to_answer(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.refreshes("--plan") == 0
    assert "takes    at least" in capsys.readouterr().out
    Hosts(team, "CONTINUE", after=40)
    team.desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=5)
    for _ in range(100):
        team.pause(1)
    assert team.refreshes("--plan", "--json", "--warmup", "30") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["measured"]
    began = team.desk.now
    assert team.refreshes("--warmup", "30") == 0
    assert team.desk.now - began == pytest.approx(plan["seconds"], rel=0.2)
    assert plan["seconds"] > 70


def test_hosts_that_abandon_themselves_are_put_back_and_never_met_a_visitor(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = Hosts(team, "ABANDON")
    assert team.refreshes("--give-up", "20") == 5
    assert (team.images(), team.group_version(), team.least) == ({team.desk.image}, "1", 2)
    assert hosts.answered["Pending:Wait"] > 1
    said = capsys.readouterr()
    assert "ROLLED BACK; every host is as before; 2 of 2 hosts serve" in said.out
    assert "turned back: nothing moved for " in said.out
