"""Instance refreshes through the API, step by step, on a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Rollout

NAME = {"AutoScalingGroupName": "web"}


def test_a_refresh_launches_first_replaces_all_and_then_the_group_names_the_new_version(
    rollout: Rollout,
) -> None:
    old = rollout.desk.ids()
    refresh = rollout.start()
    assert rollout.shown()["InstanceRefreshId"] == refresh
    assert rollout.status() == "Pending"
    assert "PercentageComplete" not in rollout.shown()
    rollout.later(0)
    assert rollout.versions() == ["1", "1", "2", "2"]
    assert rollout.in_service() == 4
    rollout.later(29)
    assert rollout.shown()["StatusReason"].startswith(
        "Waiting for instances to warm up before continuing. For example: i-"
    )
    assert (rollout.shown()["PercentageComplete"], rollout.shown()["InstancesToUpdate"]) == (0, 0)
    assert rollout.group_version() == "1"
    rollout.later(1)
    assert rollout.in_service() == 2
    rollout.later(300)
    shown = rollout.shown()
    assert (shown["Status"], shown["PercentageComplete"]) == ("Successful", 100)
    assert shown["EndTime"] >= shown["StartTime"]
    assert rollout.versions() == ["2", "2"]
    assert rollout.group_version() == "2"
    assert not set(old) & set(rollout.desk.ids())
    causes = [each["Cause"] for each in rollout.desk.activities()]
    launched = [c for c in causes if "an instance was launched in response to an instance" in c]
    ended = [c for c in causes if "taken out of service in response to an instance refresh." in c]
    assert (len(launched), len(ended)) == (2, 2)
    assert "was selected for termination." in ended[0]


def test_a_failure_puts_the_old_version_back_everywhere(rollout: Rollout) -> None:
    old = rollout.desk.ids()
    rollout.desk.groups.stall_seconds = 600
    rollout.start(AutoRollback=True)
    rollout.desk.steps()
    for _ in range(80):
        rollout.desk.later(10)  # nobody says that the new ones are well
        for name in set(rollout.desk.registered()) - set(old):
            rollout.desk.health(name, "unhealthy")
    rollout.desk.later(300)
    shown = rollout.shown()
    assert shown["Status"] == "RollbackSuccessful"
    assert "made no progress for 600 seconds" in shown["RollbackDetails"]["RollbackReason"]
    assert sorted(rollout.desk.ids()) == sorted(old)
    assert rollout.group_version() == "1"


def test_an_alarm_half_way_turns_it_round(rollout: Rollout) -> None:
    rollout.alarm("OK")
    rollout.start(
        AutoRollback=True,
        AlarmSpecification={"Alarms": ["errors"]},
        CheckpointPercentages=[50, 100],
        CheckpointDelay=60,
    )
    rollout.later(0)
    rollout.later(30)
    assert rollout.shown()["PercentageComplete"] == 50
    rollout.alarm("ALARM")
    rollout.later(1)
    assert rollout.status() == "RollbackInProgress"
    shown = rollout.end()
    assert shown["Status"] == "RollbackSuccessful"
    details = shown["RollbackDetails"]
    assert details["RollbackReason"] == "The CloudWatch alarm errors is in the ALARM state."
    assert details["PercentageCompleteOnRollback"] == 50
    assert details["InstancesToUpdateOnRollback"] == 1
    assert (shown["PercentageComplete"], shown["InstancesToUpdate"]) == (0, 1)
    rollout.later(300)
    assert rollout.versions() == ["1", "1"]


def test_a_refresh_without_a_desired_configuration_starts_what_the_group_names(
    rollout: Rollout,
) -> None:
    old = rollout.desk.ids()
    rollout.start(desired=False)
    assert rollout.end()["Status"] == "Successful"
    rollout.later(300)
    assert rollout.versions() == ["1", "1"]
    assert not set(old) & set(rollout.desk.ids())


def test_instances_that_match_are_left_alone(rollout: Rollout) -> None:
    rollout.start()
    rollout.end()
    rollout.later(300)
    kept = rollout.desk.ids()
    rollout.start(SkipMatching=True)
    rollout.later(0)
    shown = rollout.shown()
    assert (shown["Status"], shown["PercentageComplete"]) == ("Successful", 100)
    assert rollout.desk.ids() == kept
    rollout.start(SkipMatching=False)
    rollout.end()
    rollout.later(300)
    assert not set(kept) & set(rollout.desk.ids())


def test_an_instance_that_comes_in_the_middle_is_a_new_one(rollout: Rollout) -> None:
    rollout.start(CheckpointPercentages=[50, 100], CheckpointDelay=600)
    rollout.later(0)
    rollout.later(30)
    rollout.desk.asg.set_desired_capacity(**NAME, DesiredCapacity=3)
    rollout.later(0)
    assert rollout.versions().count("2") == 2
    rollout.end()
    rollout.later(300)
    assert rollout.versions() == ["2", "2", "2"]


def test_an_instance_that_dies_in_the_middle_is_replaced_by_a_new_one(rollout: Rollout) -> None:
    first, _ = rollout.desk.ids()
    rollout.start()
    rollout.later(0)
    new = next(
        each["InstanceId"]
        for each in rollout.desk.instances()
        if each["LaunchTemplate"]["Version"] == "2"
    )
    rollout.desk.ec2.terminate_instances(InstanceIds=[first, new])
    assert rollout.end()["Status"] == "Successful"
    rollout.later(300)
    assert rollout.versions() == ["2", "2"]
    assert new not in rollout.desk.ids()


def test_a_cancelled_refresh_leaves_what_it_has_done(rollout: Rollout) -> None:
    refresh = rollout.start(CheckpointPercentages=[50, 100], CheckpointDelay=600)
    rollout.later(0)
    rollout.later(30)
    cancelled = rollout.desk.asg.cancel_instance_refresh(**NAME)
    assert cancelled["InstanceRefreshId"] == refresh
    assert rollout.status() == "Cancelling"
    rollout.desk.steps()
    assert rollout.status() == "Cancelling"  # one drains still
    rollout.later(300)
    shown = rollout.shown()
    assert (shown["Status"], shown["StatusReason"]) == (
        "Cancelled",
        "Cancelled due to user request.",
    )
    assert rollout.versions() == ["1", "2"]
    assert rollout.group_version() == "1"
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        rollout.desk.asg.cancel_instance_refresh(**NAME)


def test_a_cancelled_refresh_may_be_told_not_to_wait(rollout: Rollout) -> None:
    rollout.start(MinHealthyPercentage=0, MaxHealthyPercentage=100)
    rollout.later(0)
    rollout.desk.asg.cancel_instance_refresh(**NAME, WaitForTransitioningInstances=False)
    rollout.later(0)
    assert rollout.status() == "Cancelled"
    assert "Terminating" in rollout.desk.states()


def test_a_user_may_turn_it_round(rollout: Rollout) -> None:
    rollout.start(CheckpointPercentages=[50, 100], CheckpointDelay=600)
    rollout.later(0)
    rollout.later(30)
    rollout.desk.asg.rollback_instance_refresh(**NAME)
    assert rollout.status() == "RollbackInProgress"
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        rollout.desk.asg.rollback_instance_refresh(**NAME)
    shown = rollout.end()
    assert shown["Status"] == "RollbackSuccessful"
    assert shown["RollbackDetails"]["RollbackReason"] == "Rollback triggered due to user request."
    rollout.later(300)
    assert rollout.versions() == ["1", "1"]
    assert rollout.group_version() == "1"


def test_a_rollback_may_be_cancelled_too(rollout: Rollout) -> None:
    rollout.start()
    rollout.later(0)
    rollout.desk.asg.rollback_instance_refresh(**NAME)
    rollout.desk.asg.cancel_instance_refresh(**NAME)
    assert rollout.end()["Status"] == "Cancelled"


@pytest.mark.parametrize(
    ("reason", "version", "desired"),
    [("there is nothing to go back to", "1", False), ("$Latest is no version", "$Latest", True)],
)
def test_what_cannot_be_rolled_back_says_why(
    rollout: Rollout, reason: str, version: str, desired: bool
) -> None:
    rollout.desk.asg.update_auto_scaling_group(**NAME, LaunchTemplate=rollout.version(version))
    rollout.start(desired)
    with pytest.raises(ClientError, match="IrreversibleInstanceRefresh"):
        rollout.desk.asg.rollback_instance_refresh(**NAME)


def test_an_instance_in_standby_is_waited_for(rollout: Rollout) -> None:
    first, _ = rollout.desk.ids()
    rollout.desk.asg.enter_standby(**NAME, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    rollout.later(0)
    rollout.later(300)
    rollout.start()
    rollout.later(0)
    rollout.later(30)
    assert f"{first} is in Standby" in rollout.shown()["StatusReason"]
    rollout.desk.asg.exit_standby(**NAME, InstanceIds=[first])
    assert rollout.end()["Status"] == "Successful"
    rollout.later(300)
    assert rollout.versions() == ["2", "2"]


def test_a_protected_instance_is_waited_for(rollout: Rollout) -> None:
    rollout.desk.groups.stall_seconds = 600
    first, _ = rollout.desk.ids()
    protect = {**NAME, "InstanceIds": [first]}
    rollout.desk.asg.set_instance_protection(**protect, ProtectedFromScaleIn=True)
    rollout.start()
    rollout.later(0)
    rollout.later(30)
    said = f"{first} is protected. Remove instance scale-in protection to continue."
    assert said in rollout.shown()["StatusReason"]
    shown = rollout.end()
    assert shown["Status"] == "Failed"
    assert said in shown["StatusReason"]
    assert first in rollout.desk.ids()


def test_a_bake_time_is_watched_and_an_alarm_in_it_fails_the_refresh(rollout: Rollout) -> None:
    rollout.alarm("OK")
    rollout.start(BakeTime=120, AlarmSpecification={"Alarms": ["errors"]})
    rollout.later(0)
    rollout.later(30)
    assert rollout.status() == "Baking"
    said = "Waiting for bake time to finish before continuing. There are 120 seconds left."
    assert rollout.shown()["StatusReason"] == said
    assert rollout.shown()["PercentageComplete"] == 100
    rollout.later(119)
    assert rollout.status() == "Baking"
    rollout.alarm("ALARM")
    rollout.later(0)
    assert rollout.status() == "Failed"
    assert rollout.group_version() == "1"


def test_defaults_are_shown_as_they_were_taken(rollout: Rollout) -> None:
    rollout.desk.asg.start_instance_refresh(**NAME)
    assert rollout.shown()["Preferences"] == {
        "MinHealthyPercentage": 90,
        "InstanceWarmup": 100,  # the group's grace period
        "SkipMatching": False,
        "AutoRollback": False,
        "ScaleInProtectedInstances": "Wait",
        "StandbyInstances": "Wait",
        "AlarmSpecification": {},
        "BakeTime": 0,
    }
    rollout.end()
    policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
    rollout.desk.asg.update_auto_scaling_group(
        **NAME, DefaultInstanceWarmup=7, InstanceMaintenancePolicy=policy
    )
    rollout.desk.asg.start_instance_refresh(**NAME, Preferences={"CheckpointPercentages": [100]})
    shown = rollout.shown()["Preferences"]
    assert {each: shown[each] for each in policy} == policy
    assert (shown["InstanceWarmup"], shown["CheckpointDelay"]) == (7, 3600)


@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ({"MinHealthyPercentage": 101}, "at 'preferences.minHealthyPercentage' failed to satisfy"),
        ({"MaxHealthyPercentage": 201}, "Member must have value less than or equal to 200"),
        ({"MinHealthyPercentage": 50}, "cannot be greater than 100"),
        ({"CheckpointDelay": 60}, "you must specify CheckpointPercentages"),
        ({"CheckpointPercentages": [50, 20]}, "ascending order"),
        ({"CheckpointPercentages": [20, 20]}, "must be unique"),
        ({"CheckpointPercentages": [20, 101]}, "from 1 to 100"),
        ({"BakeTime": 172801}, "less than or equal to 172800"),
        ({"StandbyInstances": "Refresh"}, "enum value set: [Terminate, Ignore, Wait]"),
        ({"AlarmSpecification": {"Alarms": ["x"] * 11}}, "up to 10 alarms"),
        ({"AlarmSpecification": {"Alarms": ["gone"]}}, "gone is INSUFFICIENT_DATA"),
    ],
)
def test_preferences_that_make_no_sense_are_refused(
    rollout: Rollout, preferences: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        rollout.start(**preferences)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert said in refused.value.response["Error"]["Message"]
    assert rollout.desk.asg.describe_instance_refreshes(**NAME)["InstanceRefreshes"] == []


def test_a_maximum_alone_is_refused(rollout: Rollout) -> None:
    with pytest.raises(ClientError, match="you must also specify MinHealthyPercentage"):
        rollout.desk.asg.start_instance_refresh(**NAME, Preferences={"MaxHealthyPercentage": 150})


def test_an_automatic_rollback_wants_something_to_go_back_to(rollout: Rollout) -> None:
    with pytest.raises(ClientError, match="when the DesiredConfiguration parameter is empty"):
        rollout.start(desired=False, AutoRollback=True)
    rollout.desk.asg.update_auto_scaling_group(**NAME, LaunchTemplate=rollout.version("$Latest"))
    with pytest.raises(ClientError, match=r"numeric version, and not \$Latest or \$Default"):
        rollout.start(AutoRollback=True)


@pytest.mark.parametrize(
    ("desired", "said"),
    [
        ({"LaunchTemplate": {"LaunchTemplateName": "gone", "Version": "1"}}, "gone"),
        ({"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "9"}}, "9"),
        ({"LaunchTemplate": {"Version": "1"}}, "launchTemplateId or LaunchTemplateName"),
    ],
)
def test_a_configuration_that_is_not_there_is_refused(
    rollout: Rollout, desired: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match="ValidationError") as refused:
        rollout.desk.asg.start_instance_refresh(**NAME, DesiredConfiguration=desired)
    assert said in str(refused.value)


def test_the_strategy_that_an_alb_forbids_is_refused(rollout: Rollout) -> None:
    with pytest.raises(ClientError, match="ReplaceRootVolume strategy needs"):
        rollout.desk.asg.start_instance_refresh(**NAME, Strategy="ReplaceRootVolume")


def test_there_is_one_refresh_at_a_time_and_it_keeps_the_configuration(rollout: Rollout) -> None:
    rollout.start()
    with pytest.raises(ClientError) as refused:
        rollout.start()
    assert refused.value.response["Error"]["Code"] == "InstanceRefreshInProgress"
    assert refused.value.response["Error"]["Message"] == (
        "An Instance Refresh is already in progress and blocks the execution of this Instance "
        "Refresh."
    )
    with pytest.raises(ClientError, match="not available for update while the instance refresh"):
        rollout.desk.asg.update_auto_scaling_group(**NAME, LaunchTemplate=rollout.version("2"))
    rollout.desk.asg.update_auto_scaling_group(**NAME, MaxSize=9)
    rollout.end()
    rollout.desk.asg.update_auto_scaling_group(**NAME, LaunchTemplate=rollout.version("1"))


def test_refreshes_are_described_newest_first_a_page_at_a_time(rollout: Rollout) -> None:
    ids: list[str] = []
    for _ in range(3):
        ids.insert(0, rollout.start())
        rollout.end()
    asg = rollout.desk.asg
    page = asg.describe_instance_refreshes(**NAME, MaxRecords=2)
    rest = asg.describe_instance_refreshes(**NAME, NextToken=page["NextToken"])
    found = page["InstanceRefreshes"] + rest["InstanceRefreshes"]
    assert [each["InstanceRefreshId"] for each in found] == ids
    assert "NextToken" not in rest
    (one,) = asg.describe_instance_refreshes(**NAME, InstanceRefreshIds=ids[2:])[
        "InstanceRefreshes"
    ]
    assert one["InstanceRefreshId"] == ids[2]
    with pytest.raises(ClientError, match="InvalidNextToken"):
        asg.describe_instance_refreshes(**NAME, NextToken="x")
    rollout.later(6 * 7 * 86400)
    assert asg.describe_instance_refreshes(**NAME)["InstanceRefreshes"] == []


def test_eventbridge_hears_how_it_goes(rollout: Rollout) -> None:
    queue = rollout.desk.listen()
    refresh = rollout.start(CheckpointPercentages=[50, 100], CheckpointDelay=60)
    rollout.end()
    events = rollout.desk.heard(queue)
    assert [each["detail-type"] for each in events] == [
        "EC2 Auto Scaling Instance Refresh Started",
        "EC2 Auto Scaling Instance Refresh Checkpoint Reached",
        "EC2 Auto Scaling Instance Refresh Succeeded",
    ]
    assert events[1]["detail"] == {
        "InstanceRefreshId": refresh,
        "AutoScalingGroupName": "web",
        "CheckpointPercentage": "50",
        "CheckpointDelay": "60",
    }
    assert events[0]["resources"][0].endswith(":autoScalingGroupName/web")


def test_a_suspended_refresh_rests_without_stalling_and_goes_on(rollout: Rollout) -> None:
    rollout.desk.groups.stall_seconds = 600
    rollout.start()
    suspend = {**NAME, "ScalingProcesses": ["InstanceRefresh"]}
    rollout.desk.asg.suspend_processes(**suspend)
    for _ in range(10):
        rollout.later(100)
    assert rollout.status() == "InProgress"
    assert "suspended" in rollout.shown()["StatusReason"]
    assert rollout.versions() == ["1", "1"]
    rollout.desk.asg.resume_processes(**suspend)
    assert rollout.end()["Status"] == "Successful"


def test_each_launch_says_what_it_is_for(rollout: Rollout) -> None:
    rollout.start(MinHealthyPercentage=50, MaxHealthyPercentage=100)
    rollout.later(0)
    rollout.desk.asg.set_desired_capacity(**NAME, DesiredCapacity=3)
    rollout.end()
    causes = [each["Cause"] for each in rollout.desk.activities()]
    assert sum("launched in response to an instance refresh" in each for each in causes) == 2
    assert sum("from 2 to 3" in each for each in causes) == 1


def test_a_long_rest_at_a_checkpoint_is_no_stall(rollout: Rollout) -> None:
    rollout.desk.groups.stall_seconds = 600
    rollout.start(CheckpointPercentages=[50, 100], CheckpointDelay=3600)
    rollout.later(0)
    rollout.later(30)
    rollout.later(3600)
    assert rollout.status() == "InProgress"
    assert rollout.end()["Status"] == "Successful"


def test_a_refresh_that_waits_changes_nothing_at_each_look(rollout: Rollout) -> None:
    from bakehouse_lab.autoscaling.controller import step

    rollout.start()
    rollout.desk.steps()
    assert not step(rollout.desk.groups, "web"), "the loop would kick itself for ever"
