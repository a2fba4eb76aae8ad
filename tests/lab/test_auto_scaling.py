"""An Auto Scaling group with real hosts: how they come, and how they go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import until

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(300)

NAME = "test-group"
HOOK = {"AutoScalingGroupName": NAME, "LifecycleHookName": "ready"}


class Group:
    """A group in the default network, empty at first."""

    def __init__(self, lab: RunningLab) -> None:
        self.ec2, self.scaling = lab.client("ec2"), lab.client("autoscaling")
        images = self.ec2.describe_images(
            Owners=["136693071363"], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
        )["Images"]
        self.image = max(images, key=lambda image: image["Name"])["ImageId"]
        self.template = self.ec2.create_launch_template(
            LaunchTemplateName=NAME,
            LaunchTemplateData={"ImageId": self.image, "InstanceType": "t3.micro"},
        )["LaunchTemplate"]["LaunchTemplateId"]
        subnets = self.ec2.describe_subnets(
            Filters=[{"Name": "default-for-az", "Values": ["true"]}]
        )["Subnets"]
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=NAME,
            MinSize=0,
            MaxSize=3,
            LaunchTemplate={"LaunchTemplateId": self.template, "Version": "$Default"},
            VPCZoneIdentifier=",".join(each["SubnetId"] for each in subnets[:2]),
        )

    def members(self) -> dict[str, dict[str, Any]]:
        found = self.scaling.describe_auto_scaling_instances()["AutoScalingInstances"]
        return {each["InstanceId"]: each for each in found if each["AutoScalingGroupName"] == NAME}

    def states(self) -> list[str]:
        return sorted(each["LifecycleState"] for each in self.members().values())

    def pool(self) -> dict[str, str]:
        found = self.scaling.describe_warm_pool(AutoScalingGroupName=NAME)["Instances"]
        return {each["InstanceId"]: each["LifecycleState"] for each in found}

    def want(self, number: int) -> None:
        self.scaling.set_desired_capacity(AutoScalingGroupName=NAME, DesiredCapacity=number)

    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.scaling.describe_scaling_activities(
            AutoScalingGroupName=NAME
        )["Activities"]
        return found

    def story(self) -> str:
        """What it did, the newest first, and what came of it; then who is in its warm pool."""
        done = [
            f"{each['Description']}: {each['StatusCode']} {each.get('StatusMessage', '')}"
            for each in self.activities()
        ]
        return "\n".join([*done, str(self.pool())])

    def ec2_state(self, instance: str) -> str:
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]
        state: str = found["Instances"][0]["State"]["Name"]
        return state


@pytest.fixture
def group(lab: RunningLab) -> Iterator[Group]:
    made = Group(lab)
    yield made
    ids = list(made.members())
    made.scaling.delete_auto_scaling_group(AutoScalingGroupName=NAME, ForceDelete=True)
    until(
        lambda: (
            not made.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])[
                "AutoScalingGroups"
            ]
        )
    )
    assert {made.ec2_state(each) for each in ids} <= {"terminated"}
    made.ec2.delete_launch_template(LaunchTemplateId=made.template)


def test_a_group_grows_over_two_zones_and_shrinks_again(group: Group) -> None:
    group.want(2)
    until(lambda: group.states() == ["InService", "InService"])
    assert len({each["AvailabilityZone"] for each in group.members().values()}) == 2
    group.want(0)
    until(lambda: group.states() == [])
    assert {each["StatusCode"] for each in group.activities()} == {"Successful"}
    assert "changing the desired capacity from 2 to 0" in group.activities()[0]["Cause"]


def test_a_host_that_somebody_stops_is_replaced(group: Group) -> None:
    group.want(1)
    until(lambda: group.states() == ["InService"])
    (first,) = group.members()
    group.ec2.stop_instances(InstanceIds=[first])
    until(lambda: first not in group.members() and group.states() == ["InService"])
    assert group.ec2_state(first) == "terminated"
    causes = [each["Cause"] for each in group.activities()]
    assert any("EC2 health check" in cause for cause in causes)


def test_a_hook_holds_a_booting_host_until_somebody_completes_it(group: Group) -> None:
    group.scaling.put_lifecycle_hook(
        **HOOK, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING", HeartbeatTimeout=60
    )
    group.want(1)
    until(lambda: group.states() == ["Pending:Wait"])
    (instance,) = group.members()
    until(lambda: group.ec2_state(instance) == "running")
    group.scaling.record_lifecycle_action_heartbeat(**HOOK, InstanceId=instance)
    assert group.states() == ["Pending:Wait"]
    group.scaling.complete_lifecycle_action(
        **HOOK, InstanceId=instance, LifecycleActionResult="CONTINUE"
    )
    until(lambda: group.states() == ["InService"], seconds=5)


def test_a_scale_out_wakes_the_host_of_the_warm_pool_and_another_takes_its_bed(
    group: Group,
) -> None:
    group.scaling.put_warm_pool(AutoScalingGroupName=NAME, MinSize=1, MaxGroupPreparedCapacity=1)
    until(lambda: list(group.pool().values()) == ["Warmed:Stopped"], told=group.story)
    (spare,) = group.pool()
    assert group.ec2_state(spare) == "stopped"
    group.want(1)
    until(lambda: group.members()[spare]["LifecycleState"] == "InService")
    assert group.ec2_state(spare) == "running"
    until(lambda: list(group.pool().values()) == ["Warmed:Stopped"], told=group.story)
    assert spare not in group.pool()


def test_a_launch_that_cannot_be_says_so_and_nothing_is_left(group: Group) -> None:
    group.ec2.create_launch_template_version(
        LaunchTemplateId=group.template,
        LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.micro"},
    )
    group.scaling.update_auto_scaling_group(
        AutoScalingGroupName=NAME,
        LaunchTemplate={"LaunchTemplateId": group.template, "Version": "$Latest"},
        DesiredCapacity=1,
    )
    until(group.activities)
    failed = group.activities()[-1]
    assert failed["StatusCode"] == "Failed"
    assert "ami-0123456789abcdef0" in failed["StatusMessage"]
    assert group.states() == []
    group.want(0)
