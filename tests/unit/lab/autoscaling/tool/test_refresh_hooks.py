"""`scripts/refresh` on a group that waits for its hosts at both ends of their lives."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bakehouse_lab.environment import HOOKS

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.tool.conftest import Team

WAITS = {"Pending:Wait": "bakehouse-launch", "Terminating:Wait": "bakehouse-terminate"}


class Hosts:
    """They answer their group's hooks as roles/lifecycle does, at each wait of the command."""

    def __init__(self, team: Team, arrival: str) -> None:
        """`arrival`: what a host says that comes, CONTINUE or ABANDON."""
        self.team, self.arrival = team, arrival
        self.answered: Counter[str] = Counter()
        for hook in HOOKS:
            team.desk.asg.put_lifecycle_hook(AutoScalingGroupName="web", **hook)
        team.befalls = self.answer

    def answer(self) -> None:
        for host in self.team.desk.instances():
            state = host["LifecycleState"]
            if state in WAITS:
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
