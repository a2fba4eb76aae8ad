"""`scripts/refresh` against a group that lives in memory: what it prints and how it ends.

The time it waits passes here in an instant, and the group lives on meanwhile.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.tool.conftest import Team


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_every_host_is_replaced_and_no_fewer_than_before_ever_serve(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.refreshes() == 0
    assert (team.images(), team.least) == ({team.image}, 2)
    assert (team.group_version(), team.versions()) == ("2", [1, 2])
    assert "every host is new; 2 of 2 hosts serve" in capsys.readouterr().out


def test_a_second_run_has_nothing_to_do_and_makes_no_version(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.refreshes() == 0
    assert team.refreshes() == 0
    assert "nothing to do" in capsys.readouterr().out
    assert team.versions() == [1, 2]


def test_hosts_that_never_become_healthy_are_put_back_and_the_status_says_so(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    team.ill = {team.image}
    assert team.refreshes("--give-up", "20") == 5
    assert (team.images(), team.group_version()) == ({team.desk.image}, "1")
    assert team.least == 2
    said = capsys.readouterr()
    assert "ROLLED BACK; every host is as before; 2 of 2 hosts serve" in said.out
    assert re.search(r"turned back: nothing moved for \d+ s: i-\w+ is unhealthy", said.out)


def test_an_image_that_was_rolled_back_is_not_tried_again_unless_somebody_says_so(
    team: Team,
) -> None:
    team.ill = {team.image}
    assert team.refreshes("--give-up", "20") == 5
    team.ill = set()
    with pytest.raises(Trouble, match="ended RollbackSuccessful: Rollback triggered"):
        team.refreshes()
    assert team.refreshes("--again") == 0
    assert team.versions() == [1, 2]  # the version of the first attempt has served


def test_a_canary_is_alone_for_its_time(team: Team) -> None:
    seen: list[int] = []

    def count() -> None:
        ec2 = team.desk.groups.ec2_backend
        new = [id for id in team.desk.ids() if ec2.get_instance(id).image_id == team.image]
        seen.append(len(new))

    team.befalls = count
    assert team.refreshes("--canary", "20") == 0
    assert seen.count(1) * 2 >= 20  # a look every two seconds
    assert seen == sorted(seen)


def test_a_cancelled_refresh_ends_so_for_who_watched_and_well_for_who_asked(team: Team) -> None:
    asked: list[int] = []

    def ask() -> None:
        if len(team.desk.ids()) > 2 and not asked:
            asked.append(0)
            asked.append(team.types("--cancel"))

    team.befalls = ask
    assert team.refreshes() == 4
    assert asked == [0, 0]
    assert team.group_version() == "1"


def test_who_turns_it_round_is_told_that_it_was_done(team: Team) -> None:
    asked: list[int] = []

    def ask() -> None:
        if len(team.desk.ids()) > 2 and not asked:
            asked.append(9)
            asked.append(team.types("--rollback"))

    team.befalls = ask
    assert team.refreshes() == 5
    assert asked == [9, 0]
    assert team.images() == {team.desk.image}


def test_status_tells_how_the_last_one_ended(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Trouble, match="was not refreshed"):
        team.types("--status")
    team.ill = {team.image}
    team.refreshes("--give-up", "20")
    capsys.readouterr()
    assert team.types("--status", "--json") == 5
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["exit"], said["image"]) == ("RollbackSuccessful", 5, team.image)


def test_the_timeline_has_each_host_s_life_and_ends_with_the_exit_status(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    old = set(team.desk.ids())
    assert team.refreshes("--json") == 0
    events = lines(capsys.readouterr().out)
    new = set(team.desk.ids()) - old
    assert {one["host"] for one in events if one["event"] == "launched"} == new
    assert {one["host"] for one in events if one["event"] == "drains"} == old
    assert (events[-1]["event"], events[-1]["exit"]) == ("end", 0)
    assert (events[-1]["status"], events[-1]["least"]) == ("Successful", 2)
    times = [one["at"] for one in events if "at" in one]
    assert times == sorted(times)


def test_a_plan_changes_nothing_and_its_time_holds_within_a_fifth(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.refreshes("--plan", "--json", "--warmup", "30") == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["waves"], plan["at_once"], plan["refused"]) == ([2], 2, [])
    assert team.versions() == [1]
    began = team.desk.now
    assert team.refreshes("--warmup", "30") == 0
    assert team.desk.now - began == pytest.approx(plan["seconds"], rel=0.2)


def test_a_plan_names_what_is_in_its_way_and_ends_so(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    team.desk.asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    with pytest.raises(Trouble, match="suspended: Launch") as refused:
        team.refreshes("--plan")
    assert "resume-processes" in str(refused.value)
    assert "wave 1   2 new hosts" in capsys.readouterr().out


def test_what_is_in_the_way_is_found_in_the_account(team: Team) -> None:
    desk = team.desk
    one, two = desk.ids()
    desk.asg.set_instance_protection(
        AutoScalingGroupName="web", InstanceIds=[one], ProtectedFromScaleIn=True
    )
    desk.asg.update_auto_scaling_group(AutoScalingGroupName="web", HealthCheckType="EC2")
    desk.asg.enter_standby(
        AutoScalingGroupName="web", InstanceIds=[two], ShouldDecrementDesiredCapacity=False
    )
    desk.later(1)
    with pytest.raises(Trouble) as refused:
        team.types("--image", team.bake("third", "unverified"), "--alarm", "web-5xx")
    said = str(refused.value)
    for reason in (
        f"protected from scale-in: {one}",
        f"in standby: {two}",
        "health checks do not count",
        "is unverified",
        "the alarm web-5xx is not there",
    ):
        assert reason in said
    assert team.versions() == [1]


def test_a_refresh_of_somebody_else_is_left_alone(team: Team) -> None:
    team.desk.asg.start_instance_refresh(AutoScalingGroupName="web")
    with pytest.raises(Trouble, match="that scripts/refresh did not begin is under way"):
        team.refreshes()


def test_an_image_of_another_environment_s_channel_is_not_taken(team: Team) -> None:
    with pytest.raises(Trouble, match="belongs to staging, and inventories/production is about"):
        team.types("--inventory", "inventories/production")
