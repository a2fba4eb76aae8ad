"""`scripts/refresh` when something befalls it, its hosts, or the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.tool.conftest import Team, Weather


def test_a_canary_that_falls_ill_is_turned_back_and_nobody_else_is_exposed(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    exposed: set[str] = set()

    def fall_ill() -> None:
        ec2 = team.desk.groups.ec2_backend
        new = {id for id in team.desk.ids() if ec2.get_instance(id).image_id == team.image}
        exposed.update(new)
        if team.serving() > 2:
            team.ill = {team.image}

    team.befalls = fall_ill
    assert team.refreshes("--canary", "100") == 5
    assert len(exposed) == 1
    assert team.images() == {team.desk.image}
    assert "after it had served" in capsys.readouterr().err


def test_a_run_that_was_killed_is_taken_up_by_the_next(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill() -> None:
        if len(team.desk.ids()) > 2:
            raise SystemExit(137)

    team.befalls = kill
    with pytest.raises(SystemExit):
        team.refreshes()
    team.befalls = lambda: None
    capsys.readouterr()
    assert team.refreshes() == 0
    said = capsys.readouterr()
    assert "taking up the refresh" in said.err
    assert (
        len(
            team.desk.asg.describe_instance_refreshes(AutoScalingGroupName="web")[
                "InstanceRefreshes"
            ]
        )
        == 1
    )
    assert team.versions() == [1, 2]


def test_an_interrupt_lets_the_refresh_go_on_and_says_how_to_stop_it(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    team.befalls = interrupt
    assert team.refreshes() == 130
    said = capsys.readouterr().err
    assert "goes on without us" in said
    assert "scripts/refresh web --cancel" in said
    assert team.types("--status") == 8
    team.befalls = lambda: None
    assert team.types("--watch") == 0
    assert team.types("--status") == 0


def test_a_refresh_that_aws_refuses_leaves_no_version_behind(team: Team, weather: Weather) -> None:
    """AWS looks at the alarms once more, and one may ring in between."""
    team.put_alarm("OK")
    weather.before["start_instance_refresh"] = lambda: team.put_alarm("ALARM")
    with pytest.raises(Trouble, match="must exist and be in the OK state"):
        team.refreshes("--alarm", "web-5xx")
    assert team.versions() == [1]


def test_an_interrupt_before_it_has_begun_leaves_no_version_behind(
    team: Team, weather: Weather, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    weather.before["start_instance_refresh"] = interrupt
    assert team.refreshes() == 130
    assert team.versions() == [1]
    assert "no refresh is under way" in capsys.readouterr().err


def test_a_version_that_a_killed_run_left_is_used_by_the_next(team: Team, weather: Weather) -> None:
    def kill() -> None:
        weather.dead = True
        raise SystemExit(137)

    weather.before["start_instance_refresh"] = kill
    with pytest.raises(SystemExit):
        team.refreshes()
    weather.dead = False
    weather.before.clear()
    assert team.versions() == [1, 2]
    assert team.refreshes() == 0
    assert (team.versions(), team.group_version()) == ([1, 2], "2")


def test_a_start_whose_answer_was_lost_is_not_tried_again(team: Team, weather: Weather) -> None:
    weather.after["start_instance_refresh"] = lambda: weather.silence()
    assert team.refreshes() == 0
    assert weather.calls.count("start_instance_refresh") == 1
    assert team.versions() == [1, 2]


def test_twenty_seconds_of_silence_and_throttling_are_sat_out(
    team: Team, weather: Weather, capsys: pytest.CaptureFixture[str]
) -> None:
    began = team.desk.now

    def rough() -> None:
        if 10 < team.desk.now - began < 30:
            weather.silence()
        if len(weather.calls) % 3 == 0:
            weather.refuse("Throttling")

    weather.before["describe_instance_refreshes"] = rough
    assert team.refreshes() == 0
    assert "asking again in" in capsys.readouterr().err
    assert (team.images(), team.least) == ({team.image}, 2)


def test_an_api_that_stays_silent_is_lost_contact_and_the_refresh_goes_on(
    team: Team, weather: Weather, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent() -> None:
        if len(team.desk.ids()) > 2:
            weather.silence()

    weather.before["describe_instance_refreshes"] = silent
    assert team.refreshes("--patience", "60") == 7
    said = capsys.readouterr().err
    assert "Lost contact while web is refreshed" in said
    assert "next: scripts/refresh web --status" in said
    assert team.types("--status", "--patience", "0") == 7
    weather.before.clear()
    assert team.types("--status") in (0, 8)


def test_credentials_that_ran_out_are_lost_contact_too(
    team: Team, weather: Weather, capsys: pytest.CaptureFixture[str]
) -> None:
    def stale() -> None:
        if len(team.desk.ids()) > 2:
            weather.refuse("ExpiredToken")

    weather.before["describe_instance_refreshes"] = stale
    assert team.refreshes() == 7
    assert "ExpiredToken" in capsys.readouterr().err


def test_a_scale_out_in_the_middle_ends_with_new_hosts_alone(team: Team) -> None:
    def grow() -> None:
        if len(team.desk.ids()) == 4:
            team.desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)

    team.befalls = grow
    assert team.refreshes() == 0
    assert team.images() == {team.image}
    assert team.serving() == 3


def test_a_new_host_that_is_killed_is_launched_again_and_no_old_one_goes_before(team: Team) -> None:
    killed: set[str] = set()

    def kill() -> None:
        ec2 = team.desk.groups.ec2_backend
        new = [id for id in team.desk.ids() if ec2.get_instance(id).image_id == team.image]
        if new and not killed:
            killed.add(new[0])
            team.desk.ec2_state(new[0], "terminated")

    team.befalls = kill
    assert team.refreshes() == 0
    assert killed and not killed & set(team.desk.ids())
    assert (team.images(), team.serving(), team.least) == ({team.image}, 2, 2)


def test_a_second_refresh_beside_it_is_refused_and_the_first_ends_well(team: Team) -> None:
    third = team.bake("third")
    refused: list[str] = []

    def begin_another() -> None:
        if not refused:
            with pytest.raises(Trouble, match=f"a refresh to {team.image} is under way") as said:
                team.types("--image", third, "--warmup", "10")
            refused.append(str(said.value))

    team.befalls = begin_another
    assert team.refreshes() == 0
    assert "next: scripts/refresh web --watch" in refused[0]
    assert (team.images(), team.versions(), team.begun()) == ({team.image}, [1, 2], 1)


def test_a_canary_that_answers_with_errors_is_turned_back(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    team.desk.now -= 300
    team.count(1000, 0, 0.1)
    team.desk.now += 300

    def answer() -> None:
        if team.serving() > 2:
            team.count(1000, 100, 0.1)

    team.befalls = answer
    assert team.refreshes("--canary", "300") == 5
    assert team.images() == {team.desk.image}
    assert "more errors than the old hosts" in capsys.readouterr().err


def test_a_canary_without_metrics_is_judged_by_its_health_and_that_is_said(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.refreshes("--canary", "60") == 0
    assert "no metrics in CloudWatch: judged by target health alone" in capsys.readouterr().err


def test_an_alarm_that_rings_half_way_turns_it_round(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    team.put_alarm("OK")

    def ring() -> None:
        if len(team.desk.ids()) > 2:
            team.put_alarm("ALARM")

    team.befalls = ring
    assert team.refreshes("--alarm", "web-5xx", "--json") == 5
    assert team.images() == {team.desk.image}
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (end["event"], end["status"], end["exit"]) == ("end", "RollbackSuccessful", 5)
    assert "web-5xx" in end["why"]


# One of them looks for a version to use, one makes it, one begins.
CALLS = range(10, 15)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_call_the_next_run_ends_what_was_begun(
    team: Team, sky: list[Weather], moment: str
) -> None:
    stopped = set()
    for number in CALLS:
        team.image = team.bake(f"image {number}")
        versions, begun = len(team.versions()), team.begun()
        with pytest.raises(SystemExit):
            team.stopped_at(sky, number, moment, SystemExit)
        stopped.add(sky[0].calls[number - 1])
        assert team.refreshes("--warmup", "0") == 0
        assert team.images() == {team.image}, sky[0].calls[:number]
        assert (len(team.versions()), team.begun()) == (versions + 1, begun + 1)
    assert {"create_launch_template_version", "start_instance_refresh"} <= stopped
    assert team.least == 2


@pytest.mark.parametrize("moment", ["before", "after"])
def test_interrupted_at_any_call_it_has_begun_or_left_nothing(
    team: Team, sky: list[Weather], moment: str
) -> None:
    outcomes = set()
    for number in CALLS:
        team.image = team.bake(f"image {number}")
        versions, begun = team.versions(), team.begun()
        assert team.stopped_at(sky, number, moment, KeyboardInterrupt) == 130
        has_begun = team.begun() > begun
        outcomes.add(has_begun)
        assert has_begun or team.versions() == versions, sky[0].calls[:number]
        if has_begun:
            assert team.refreshes("--warmup", "0") == 0
    assert outcomes == {True, False}
