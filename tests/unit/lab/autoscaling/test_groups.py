"""Groups through the API, step by step, with moto's instances and a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Desk


def test_a_new_group_fills_itself_over_its_zones(desk: Desk) -> None:
    desk.create(Tags=[{"Key": "Environment", "Value": "test", "PropagateAtLaunch": True}])
    assert desk.instances() == []
    desk.steps()
    assert desk.states() == ["InService", "InService"]
    assert {each["AvailabilityZone"] for each in desk.instances()} == {"us-east-1a", "us-east-1b"}
    assert sorted(desk.registered()) == sorted(desk.ids())
    (instance,) = desk.ec2.describe_instances(InstanceIds=desk.ids()[:1])["Reservations"][0][
        "Instances"
    ]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["aws:autoscaling:groupName"] == "web"
    assert tags["aws:ec2launchtemplate:version"] == "1"
    assert tags["Environment"] == "test"
    activity = desk.activities()[-1]
    assert activity["StatusCode"] == "Successful"
    assert "a user request created an AutoScalingGroup" in activity["Cause"]


def test_an_instance_that_boots_is_pending_and_in_no_target_group(desk: Desk) -> None:
    desk.create(DesiredCapacity=1)
    desk.steps(1)
    desk.ec2_state(desk.ids()[0], "pending")
    desk.steps()
    assert desk.states() == ["Pending"]
    assert desk.registered() == []
    assert desk.activities()[0]["StatusCode"] == "PreInService"


def test_each_instance_shows_the_version_that_it_was_started_from(desk: Desk) -> None:
    desk.create(DesiredCapacity=1)
    desk.steps()
    image = desk.ec2.register_image(Name="second")["ImageId"]
    desk.ec2.create_launch_template_version(
        LaunchTemplateId=desk.template,
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.small"},
    )
    desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    desk.steps()
    shown = [(each["LaunchTemplate"]["Version"], each["ImageId"]) for each in desk.instances()]
    assert shown == [("1", desk.image), ("2", image)]
    tagged = desk.ec2.describe_tags(
        Filters=[
            {"Name": "resource-id", "Values": desk.ids()[1:]},
            {"Name": "key", "Values": ["aws:ec2launchtemplate:version"]},
        ]
    )["Tags"]
    assert [tag["Value"] for tag in tagged] == ["2"]
    details = desk.asg.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert [each["LaunchTemplate"]["Version"] for each in details] == ["1", "2"]
    assert {each["HealthStatus"] for each in details} == {"HEALTHY"}


def test_a_version_by_number_is_kept_when_a_newer_one_comes(desk: Desk) -> None:
    desk.create(
        DesiredCapacity=0, LaunchTemplate={"LaunchTemplateId": desk.template, "Version": "1"}
    )
    desk.ec2.create_launch_template_version(
        LaunchTemplateId=desk.template, LaunchTemplateData={"InstanceType": "t3.micro"}
    )
    desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    desk.steps()
    assert desk.instances()[0]["LaunchTemplate"]["Version"] == "1"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"DesiredCapacity": 5}, "between the specified min size:0 and max size:4"),
        ({"MinSize": 5}, "greater than or equal to min bound"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(
    desk: Desk, what: dict[str, int], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        desk.create(**what)
    desk.create()
    with pytest.raises(ClientError, match=said):
        desk.asg.update_auto_scaling_group(AutoScalingGroupName="web", **what)
    with pytest.raises(ClientError, match="above max value 4"):
        desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=5)


def test_a_second_group_of_the_same_name_is_refused(desk: Desk) -> None:
    desk.create()
    with pytest.raises(ClientError, match="AlreadyExists"):
        desk.create()


def test_a_group_that_is_not_there_is_the_callers_mistake(desk: Desk) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*'web' not found"):
        desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)


def test_limits_move_the_desired_capacity_with_them(desk: Desk) -> None:
    desk.whole()
    desk.asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=1)
    desk.steps()
    assert sorted(desk.states()) == ["InService", "Terminating"]
    assert "constraints to min: 0, max: 1, desired: 1" in desk.activities()[0]["Cause"]
    assert "was selected for termination" in desk.activities()[0]["Cause"]


def test_an_instance_that_the_load_balancer_finds_ill_is_drained_and_replaced(desk: Desk) -> None:
    ill, well = desk.whole()
    desk.health(ill, "unhealthy")
    desk.steps()
    assert desk.states() == ["InService", "InService"]  # within the grace period
    desk.later(100)
    assert dict(zip(desk.ids(), desk.states(), strict=True))[ill] == "Terminating"
    assert desk.activities()[-3]["StatusCode"] == "WaitingForELBConnectionDraining"
    assert "ELB system health check failure" in desk.activities()[-3]["Cause"]
    desk.later(300)
    assert ill not in desk.ids()
    assert well in desk.ids()
    assert desk.states() == ["InService", "InService"]
    launches = [each for each in desk.activities() if each["Description"].startswith("Launching")]
    assert "unhealthy instance needing to be replaced" in launches[0]["Cause"]


def test_under_a_maintenance_policy_an_ill_instance_goes_when_another_is_warm(desk: Desk) -> None:
    policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
    desk.create(InstanceMaintenancePolicy=policy, DefaultInstanceWarmup=60)
    desk.steps()
    ill, well = desk.ids()
    desk.health(ill, "unhealthy")
    desk.health(well, "healthy")
    desk.later(100)
    assert desk.states() == ["InService"] * 3
    (new,) = set(desk.ids()) - {ill, well}
    desk.health(new, "healthy")
    desk.later(59)
    assert desk.states() == ["InService"] * 3
    desk.later(1)
    assert sorted(desk.states()) == ["InService", "InService", "Terminating"]
    desk.later(300)
    assert sorted(desk.ids()) == sorted([well, new])


def test_a_maintenance_policy_is_shown_and_cleared(desk: Desk) -> None:
    policy = {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120}
    desk.create(InstanceMaintenancePolicy=policy)

    def shown() -> Any:
        (group,) = desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
        return group.get("InstanceMaintenancePolicy")

    def update(least: int, most: int) -> None:
        desk.asg.update_auto_scaling_group(
            AutoScalingGroupName="web",
            InstanceMaintenancePolicy={"MinHealthyPercentage": least, "MaxHealthyPercentage": most},
        )

    assert shown() == policy
    with pytest.raises(ClientError, match="cannot be greater than 100"):
        update(10, 120)
    assert shown() == policy
    update(-1, -1)
    assert shown() is None


def test_an_instance_that_someone_terminated_is_replaced_at_once(desk: Desk) -> None:
    gone, _ = desk.whole()
    desk.ec2.terminate_instances(InstanceIds=[gone])
    desk.steps()
    assert gone not in desk.ids()
    assert desk.states() == ["InService", "InService"]
    causes = [each["Cause"] for each in desk.activities()]
    assert any("EC2 health check indicating it has been terminated" in cause for cause in causes)


def test_whoever_takes_an_instance_out_of_the_target_group_is_not_overruled(desk: Desk) -> None:
    first, second = desk.whole()
    desk.elb.deregister_targets(TargetGroupArn=desk.target_group, Targets=[{"Id": first}])
    desk.later(300)
    assert desk.registered() == [second]
    assert desk.states() == ["InService", "InService"]


def test_a_user_may_end_an_instance_and_make_the_group_smaller(desk: Desk) -> None:
    first, second = desk.whole()
    activity = desk.asg.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=True
    )["Activity"]
    assert activity["Cause"].endswith(
        f"instance {first} was taken out of service in response to a user request, "
        "shrinking the capacity from 2 to 1."
    )
    desk.steps()
    desk.later(300)
    assert desk.ids() == [second]


def test_no_group_becomes_smaller_than_its_minimum(desk: Desk) -> None:
    desk.create(MinSize=2)
    desk.steps()
    with pytest.raises(ClientError, match="min size"):
        desk.asg.terminate_instance_in_auto_scaling_group(
            InstanceId=desk.ids()[0], ShouldDecrementDesiredCapacity=True
        )


def test_an_instance_in_standby_rests_and_comes_back(desk: Desk) -> None:
    first, _ = desk.whole()
    desk.asg.enter_standby(
        AutoScalingGroupName="web", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )
    desk.steps()
    assert desk.states()[0] == "EnteringStandby"
    desk.later(300)
    assert desk.states() == ["Standby", "InService"]
    assert first not in desk.registered()
    desk.asg.put_lifecycle_hook(**HOOK)
    desk.asg.exit_standby(AutoScalingGroupName="web", InstanceIds=[first])
    assert desk.states() == ["Pending", "InService"]
    desk.steps()
    assert desk.states() == ["InService", "InService"]
    assert first in desk.registered()


def test_a_detached_instance_lives_on_outside(desk: Desk) -> None:
    first, second = desk.whole()
    desk.asg.detach_instances(
        AutoScalingGroupName="web", InstanceIds=[first], ShouldDecrementDesiredCapacity=True
    )
    desk.steps()
    desk.later(300)
    assert desk.ids() == [second]
    found = desk.ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    assert "aws:autoscaling:groupName" not in {tag["Key"] for tag in found["Tags"]}
    desk.asg.attach_instances(AutoScalingGroupName="web", InstanceIds=[first])
    desk.steps()
    assert sorted(desk.ids()) == sorted([first, second])
    assert desk.states() == ["InService", "InService"]


def test_a_protected_instance_survives_scale_in(desk: Desk) -> None:
    first, second = desk.whole()
    protect = {"AutoScalingGroupName": "web", "ProtectedFromScaleIn": True}
    with pytest.raises(ClientError, match="i-gone is not part of Auto Scaling group web"):
        desk.asg.set_instance_protection(**protect, InstanceIds=[first, "i-gone"])
    desk.asg.set_instance_protection(**protect, InstanceIds=[first])
    assert [each["ProtectedFromScaleIn"] for each in desk.instances()] == [True, False]
    desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=0)
    desk.steps()
    desk.later(300)
    assert desk.ids() == [first]
    assert second not in desk.ids()


def test_a_user_may_call_an_instance_unhealthy(desk: Desk) -> None:
    first, _ = desk.whole()
    desk.asg.set_instance_health(InstanceId=first, HealthStatus="Unhealthy")
    desk.steps()
    assert desk.states() == ["InService", "InService"]  # within the grace period
    desk.asg.set_instance_health(
        InstanceId=first, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
    )
    desk.steps()
    assert "Terminating" in desk.states()
    assert any("user health-check" in each["Cause"] for each in desk.activities())


HOOK = {
    "AutoScalingGroupName": "web",
    "LifecycleHookName": "ready",
    "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    "HeartbeatTimeout": 60,
}
ANSWER = {
    "AutoScalingGroupName": "web",
    "LifecycleHookName": "ready",
}


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    desk.create(DesiredCapacity=0)
    desk.asg.put_lifecycle_hook(**HOOK)
    desk.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    desk.steps()
    assert desk.states() == ["Pending:Wait"]
    return desk


def test_a_hook_holds_an_instance_until_it_is_completed(waiting: Desk) -> None:
    (instance,) = waiting.ids()
    assert waiting.activities()[0]["StatusCode"] == "MidLifecycleAction"
    with pytest.raises(ClientError, match="No active Lifecycle Action found with instance ID i-1"):
        waiting.asg.complete_lifecycle_action(
            **ANSWER, InstanceId="i-1" * 6 + "x", LifecycleActionResult="CONTINUE"
        )
    waiting.asg.complete_lifecycle_action(
        **ANSWER, InstanceId=instance, LifecycleActionResult="CONTINUE"
    )
    waiting.steps()
    assert waiting.states() == ["InService"]
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        waiting.asg.record_lifecycle_action_heartbeat(**ANSWER, InstanceId=instance)


def test_a_heartbeat_buys_time_and_silence_abandons_the_launch(waiting: Desk) -> None:
    (instance,) = waiting.ids()
    waiting.later(50)
    waiting.asg.record_lifecycle_action_heartbeat(**ANSWER, InstanceId=instance)
    waiting.later(50)
    assert waiting.ids() == [instance]
    waiting.later(10)
    assert instance not in waiting.ids()
    assert waiting.states() == ["Pending:Wait"]


def test_a_deleted_hook_holds_up_nobody(waiting: Desk) -> None:
    (instance,) = waiting.ids()
    waiting.asg.delete_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="ready")
    waiting.steps()
    assert instance not in waiting.ids()
    assert waiting.states() == ["InService"]


def test_a_hook_shows_what_was_given_and_nothing_invented(desk: Desk) -> None:
    desk.create(DesiredCapacity=0)
    desk.asg.put_lifecycle_hook(**HOOK, NotificationMetadata="mind the gap")
    (hook,) = desk.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
    assert hook["NotificationMetadata"] == "mind the gap"
    assert "NotificationTargetARN" not in hook
    assert (hook["DefaultResult"], hook["GlobalTimeout"]) == ("ABANDON", 6000)


def test_a_terminating_hook_runs_after_the_load_balancer_has_drained(desk: Desk) -> None:
    first, _ = desk.whole()
    ending = {**HOOK, "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}
    desk.asg.put_lifecycle_hook(**ending)
    desk.asg.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=True
    )
    desk.steps()
    assert "Terminating" in desk.states()
    desk.later(300)
    assert "Terminating:Wait" in desk.states()
    desk.asg.complete_lifecycle_action(**ANSWER, InstanceId=first, LifecycleActionResult="CONTINUE")
    desk.steps()
    assert desk.states() == ["InService"]


def test_a_launch_that_fails_says_why_and_is_tried_again_later(desk: Desk) -> None:
    broken = desk.ec2.create_launch_template(
        LaunchTemplateName="broken",
        LaunchTemplateData={
            "ImageId": desk.image,
            "InstanceType": "t3.small",
            "SecurityGroupIds": ["sg-gone"],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    desk.create(LaunchTemplate={"LaunchTemplateId": broken, "Version": "1"})
    desk.steps()
    (activity,) = desk.activities()
    assert activity["StatusCode"] == "Failed"
    assert "sg-gone" in activity["StatusMessage"]
    assert "Launching EC2 instance failed" in activity["StatusMessage"]
    desk.later(5)
    assert len(desk.activities()) == 2
    desk.later(5)
    assert len(desk.activities()) == 2
    desk.later(5)
    assert len(desk.activities()) == 3


def test_an_instance_that_dies_at_boot_fails_its_launch(desk: Desk) -> None:
    desk.create(DesiredCapacity=1)
    desk.steps(1)
    (instance,) = desk.ids()
    desk.ec2_state(instance, "terminated")
    desk.steps(1)
    assert desk.ids() == []
    assert desk.activities()[0]["StatusCode"] == "Failed"
    desk.steps()
    assert desk.ids() == []
    desk.later(5)
    assert desk.states() == ["InService"]


def test_a_suspended_process_rests_and_goes_on_when_resumed(desk: Desk) -> None:
    desk.create()
    desk.asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    desk.steps()
    assert desk.ids() == []
    desk.asg.resume_processes(AutoScalingGroupName="web")
    desk.steps()
    assert desk.states() == ["InService", "InService"]


def test_a_replacement_that_had_to_wait_still_says_what_it_is_for(desk: Desk) -> None:
    ill, _ = desk.whole()
    desk.asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    desk.health(ill, "unhealthy")
    desk.later(100)
    desk.asg.resume_processes(AutoScalingGroupName="web")
    desk.steps(1)
    assert "unhealthy instance needing to be replaced" in desk.activities()[0]["Cause"]


def test_a_group_with_instances_is_deleted_only_by_force(desk: Desk) -> None:
    first, _ = desk.whole()
    with pytest.raises(ClientError, match="ResourceInUse"):
        desk.asg.delete_auto_scaling_group(AutoScalingGroupName="web")
    desk.steps()
    assert desk.states() == ["InService", "InService"]
    desk.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    (group,) = desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["Status"] == "Delete in progress"
    desk.steps()
    assert desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    found = desk.ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "terminated"
    kept = desk.asg.describe_scaling_activities(IncludeDeletedGroups=True)["Activities"]
    assert len(kept) == 4


def test_an_empty_group_is_deleted_at_once_with_its_hooks(desk: Desk) -> None:
    desk.create(DesiredCapacity=0)
    desk.asg.put_lifecycle_hook(**HOOK)
    desk.asg.delete_auto_scaling_group(AutoScalingGroupName="web")
    assert desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    desk.create(DesiredCapacity=0)
    assert desk.asg.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"] == []


def test_a_grace_period_that_is_not_given_is_none(desk: Desk) -> None:
    desk.asg.create_auto_scaling_group(
        AutoScalingGroupName="web",
        MinSize=0,
        MaxSize=1,
        LaunchTemplate={"LaunchTemplateId": desk.template},
        VPCZoneIdentifier=desk.subnets[0],
        DefaultInstanceWarmup=30,
    )
    (group,) = desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["HealthCheckGracePeriod"] == 0
    assert group["DefaultInstanceWarmup"] == 30
