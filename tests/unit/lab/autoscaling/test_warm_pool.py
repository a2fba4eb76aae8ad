"""A warm pool through the API, step by step, with moto's instances and a clock of the test's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bakehouse_lab.api.calls import Call, Protocol
from bakehouse_lab.api.pretended import pretended

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Desk

NAME = {"AutoScalingGroupName": "web"}
HOOK: dict[str, Any] = {**NAME, "LifecycleHookName": "ready", "HeartbeatTimeout": 60}
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"


class Pool:
    """The warm pool of the desk's group `web`, which has one instance."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.create(DesiredCapacity=1, MaxSize=2)
        desk.steps()
        desk.health(desk.ids()[0], "healthy")

    def put(self, **how: Any) -> None:
        self.desk.asg.put_warm_pool(**NAME, **how)
        self.desk.steps()

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.asg.describe_warm_pool(**NAME)
        return found

    def configuration(self) -> dict[str, Any] | None:
        return self.shown().get("WarmPoolConfiguration")

    def ids(self) -> list[str]:
        return [each["InstanceId"] for each in self.shown()["Instances"]]

    def states(self) -> list[str]:
        return [each["LifecycleState"] for each in self.shown()["Instances"]]

    def group(self) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return found

    def want(self, desired: int) -> None:
        self.desk.asg.set_desired_capacity(**NAME, DesiredCapacity=desired)
        self.desk.steps()

    def answer(self, instance: str, result: str = "CONTINUE") -> None:
        self.desk.asg.complete_lifecycle_action(
            **NAME,
            LifecycleHookName="ready",
            InstanceId=instance,
            LifecycleActionResult=result,
        )
        self.desk.steps()

    def ec2_state(self, instance: str) -> str:
        (found,) = self.desk.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return str(found["Instances"][0]["State"]["Name"])


@pytest.fixture
def pool(desk: Desk) -> Pool:
    return Pool(desk)


def test_a_pool_fills_itself_beside_its_group(pool: Pool) -> None:
    pool.put()
    assert pool.states() == ["Warmed:Stopped"]
    (spare,) = pool.ids()
    assert pool.ec2_state(spare) == "stopped"
    assert spare not in pool.desk.ids()
    assert spare not in pool.desk.registered()
    assert pool.group()["WarmPoolSize"] == 1
    assert pool.group()["WarmPoolConfiguration"] == {"MinSize": 0, "PoolState": "Stopped"}
    every = pool.desk.asg.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert {each["LifecycleState"] for each in every} == {"InService", "Warmed:Stopped"}
    activity = pool.desk.activities()[0]
    assert activity["Description"] == f"Launching a new EC2 instance into warm pool: {spare}"
    assert activity["StatusCode"] == "Successful"


def test_an_instance_of_the_pool_is_shown_with_what_it_was_started_from(pool: Pool) -> None:
    pool.put()
    (spare,) = pool.shown()["Instances"]
    assert spare["LaunchTemplate"]["Version"] == "1"
    assert spare["InstanceType"] == "t3.small"
    assert (spare["HealthStatus"], spare["ProtectedFromScaleIn"]) == ("Healthy", False)


def test_a_group_without_a_pool_shows_none(pool: Pool) -> None:
    assert pool.configuration() is None
    assert pool.ids() == []
    assert not {"WarmPoolSize", "WarmPoolConfiguration"} & set(pool.group())


def test_a_scale_out_wakes_the_instance_of_the_pool_and_the_pool_is_filled_up(pool: Pool) -> None:
    pool.put(MinSize=1, MaxGroupPreparedCapacity=1)
    (spare,) = pool.ids()
    pool.want(2)
    assert spare in pool.desk.ids()
    assert pool.desk.states() == ["InService", "InService"]
    assert pool.ec2_state(spare) == "running"
    assert spare in pool.desk.registered()
    assert len(pool.ids()) == 1
    assert spare not in pool.ids()
    described = {each["Description"]: each for each in pool.desk.activities()}
    woken = described[f"Launching a new EC2 instance from warm pool: {spare}"]
    assert "changing the desired capacity from 1 to 2." in woken["Cause"]
    assert woken["Cause"].endswith("increasing the capacity from 1 to 2.")
    assert woken["StatusCode"] == "Successful"


def test_an_instance_that_is_on_its_way_into_service_says_so(pool: Pool) -> None:
    pool.put()
    pool.desk.asg.set_desired_capacity(**NAME, DesiredCapacity=2)
    pool.desk.steps(1)
    assert sorted(pool.desk.states()) == ["InService", "Pending"]
    assert pool.desk.activities()[0]["StatusCode"] == "PreInService"


def test_one_of_the_pool_takes_the_place_of_an_ill_instance(pool: Pool) -> None:
    pool.put(MinSize=2)
    (ill,) = pool.desk.ids()
    pool.desk.asg.set_instance_health(
        InstanceId=ill, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
    )
    pool.desk.steps()
    described = {each["Description"].split(":")[0]: each for each in pool.desk.activities()}
    taken = described["Launching a new EC2 instance from warm pool"]
    assert "in response to an unhealthy instance needing to be replaced." in taken["Cause"]


def test_a_pool_may_keep_its_instances_running(pool: Pool) -> None:
    pool.put(PoolState="Running")
    assert pool.states() == ["Warmed:Running"]
    (spare,) = pool.ids()
    assert pool.ec2_state(spare) == "running"
    pool.want(2)
    assert spare in pool.desk.registered()


def test_launch_hooks_run_on_the_way_into_the_pool_and_again_into_service(pool: Pool) -> None:
    queue = pool.desk.listen()
    pool.desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING)
    pool.put()
    assert pool.states() == ["Warmed:Pending:Wait"]
    (spare,) = pool.ids()
    pool.answer(spare)
    assert pool.states() == ["Warmed:Stopped"]
    pool.want(2)
    assert pool.desk.states() == ["InService", "Pending:Wait"]
    assert spare not in pool.desk.registered()
    pool.answer(spare)
    assert pool.desk.states() == ["InService", "InService"]
    told = [each["detail"] for each in pool.desk.heard(queue)]
    assert [(each["Origin"], each["Destination"]) for each in told] == [
        ("EC2", "WarmPool"),
        ("WarmPool", "AutoScalingGroup"),
    ]
    assert {each["EC2InstanceId"] for each in told} == {spare}


def test_a_launch_that_is_abandoned_on_the_way_into_the_pool_ends_there(pool: Pool) -> None:
    pool.desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=LAUNCHING)
    pool.put()
    (spare,) = pool.ids()
    pool.answer(spare, "ABANDON")
    assert spare not in pool.ids()
    assert pool.states() == ["Warmed:Pending:Wait"]  # the next one
    ended = f"Terminating EC2 instance from warm pool: {spare}"
    assert ended in [each["Description"] for each in pool.desk.activities()]


def test_a_scale_in_may_give_back_to_the_pool(pool: Pool) -> None:
    queue = pool.desk.listen()
    pool.put(MaxGroupPreparedCapacity=2, InstanceReusePolicy={"ReuseOnScaleIn": True})
    pool.want(2)
    for each in pool.desk.ids():
        pool.desk.health(each, "healthy")
    pool.desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=ENDING)
    pool.want(1)
    (spare,) = pool.ids()
    assert pool.states() == ["Warmed:Pending"]
    assert spare not in pool.desk.registered()  # it drains
    pool.desk.later(300)
    assert pool.states() == ["Warmed:Pending:Wait"]
    (event,) = pool.desk.heard(queue)
    assert event["detail-type"] == "EC2 Instance-terminate Lifecycle Action"
    assert event["detail"]["Origin"] == "AutoScalingGroup"
    assert event["detail"]["Destination"] == "WarmPool"
    pool.answer(spare)
    assert pool.states() == ["Warmed:Stopped"]
    pool.want(2)
    assert spare in pool.desk.registered()


def test_without_a_policy_a_scale_in_ends_and_the_pool_starts_another(pool: Pool) -> None:
    pool.put()
    pool.want(2)
    before = set(pool.desk.ids())
    pool.want(1)
    pool.desk.later(300)
    assert len(pool.desk.ids()) == 1
    assert pool.states() == ["Warmed:Stopped"]
    assert not set(pool.ids()) & before


def test_what_is_not_given_stays_as_it_was(pool: Pool) -> None:
    pool.put(MinSize=1, MaxGroupPreparedCapacity=2, InstanceReusePolicy={"ReuseOnScaleIn": True})
    pool.put(PoolState="Running")
    assert pool.configuration() == {
        "MinSize": 1,
        "MaxGroupPreparedCapacity": 2,
        "PoolState": "Running",
        "InstanceReusePolicy": {"ReuseOnScaleIn": True},
    }
    assert pool.states() == ["Warmed:Stopped"]  # those that are there stay as they are
    pool.put(MinSize=0, MaxGroupPreparedCapacity=-1, InstanceReusePolicy={"ReuseOnScaleIn": False})
    assert pool.configuration() == {
        "MinSize": 0,
        "PoolState": "Running",
        "InstanceReusePolicy": {"ReuseOnScaleIn": False},
    }


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"PoolState": "Hibernated"}, r"ValidationError.*The lab cannot hibernate"),
        ({"PoolState": "Frozen"}, r"ValidationError.*'Frozen' at 'poolState'.*enum value set"),
        ({"MinSize": -1}, r"ValidationError.*'-1' at 'minSize'.*greater than or equal to 0"),
        ({"MaxGroupPreparedCapacity": -2}, r"'-2' at 'maxGroupPreparedCapacity'.*equal to -1"),
    ],
)
def test_what_cannot_be_is_refused(pool: Pool, how: dict[str, Any], said: str) -> None:
    unchecked = boto3.client(
        "autoscaling",
        region_name="us-east-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
        config=Config(parameter_validation=False),  # as other SDKs are, which leave it to AWS
    )
    with pytest.raises(ClientError, match=said):
        unchecked.put_warm_pool(**NAME, **how)
    assert pool.configuration() is None
    assert pool.configuration() is None


def test_a_group_of_spot_instances_gets_no_pool(desk: Desk) -> None:
    spot = desk.ec2.create_launch_template(
        LaunchTemplateName="spot",
        LaunchTemplateData={
            "ImageId": desk.image,
            "InstanceType": "t3.small",
            "InstanceMarketOptions": {"MarketType": "spot"},
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    desk.create(LaunchTemplate={"LaunchTemplateId": spot, "Version": "1"}, DesiredCapacity=0)
    with pytest.raises(ClientError, match="You can't add a warm pool to an Auto Scaling group"):
        desk.asg.put_warm_pool(**NAME)


def test_no_pool_is_put_while_a_refresh_is_under_way(pool: Pool) -> None:
    pool.desk.asg.start_instance_refresh(**NAME)
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        pool.put()


def test_an_instance_of_the_pool_is_no_instance_of_the_group(pool: Pool) -> None:
    pool.put()
    (spare,) = pool.ids()
    scaling, ids = pool.desk.asg, {"InstanceIds": [spare]}
    with pytest.raises(ClientError, match="cannot be called on instances in a warm pool"):
        scaling.terminate_instance_in_auto_scaling_group(
            InstanceId=spare, ShouldDecrementDesiredCapacity=False
        )
    with pytest.raises(ClientError, match="ValidationError"):
        scaling.set_instance_protection(**NAME, **ids, ProtectedFromScaleIn=True)
    with pytest.raises(ClientError, match="ValidationError"):
        scaling.enter_standby(**NAME, **ids, ShouldDecrementDesiredCapacity=False)
    pool.desk.steps()
    assert pool.states() == ["Warmed:Stopped"]


def test_an_ill_instance_of_the_pool_is_replaced(pool: Pool) -> None:
    pool.put()
    (first,) = pool.ids()
    pool.desk.asg.set_instance_health(InstanceId=first, HealthStatus="Unhealthy")
    pool.desk.steps()
    (second,) = pool.ids()
    assert second != first
    pool.desk.ec2.terminate_instances(InstanceIds=[second])
    pool.desk.steps()
    assert second not in pool.ids()
    assert pool.states() == ["Warmed:Stopped"]
    causes = [each["Cause"] for each in pool.desk.activities()]
    assert any("user health-check" in cause for cause in causes)
    assert any("EC2 health check" in cause for cause in causes)


def test_an_instance_that_ends_in_the_pool_has_its_hooks_there(pool: Pool) -> None:
    queue = pool.desk.listen()
    pool.desk.asg.put_lifecycle_hook(**HOOK, LifecycleTransition=ENDING)
    pool.put()
    (spare,) = pool.ids()
    pool.put(MaxGroupPreparedCapacity=0)
    assert pool.states() == ["Warmed:Terminating:Wait"]
    (event,) = pool.desk.heard(queue)
    assert (event["detail"]["Origin"], event["detail"]["Destination"]) == ("WarmPool", "EC2")
    pool.answer(spare)
    assert pool.ids() == []
    assert pool.ec2_state(spare) == "terminated"


def test_pages_of_a_pool(pool: Pool) -> None:
    pool.put(MinSize=3)
    ask = pool.desk.asg.describe_warm_pool
    first = ask(**NAME, MaxRecords=2)
    rest = ask(**NAME, MaxRecords=2, NextToken=first["NextToken"])
    assert (len(first["Instances"]), len(rest["Instances"])) == (2, 1)
    assert "NextToken" not in rest
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ask(**NAME, NextToken="behind the moon")


def test_a_pool_with_instances_is_deleted_by_force_only(pool: Pool) -> None:
    pool.put()
    (spare,) = pool.ids()
    with pytest.raises(ClientError, match="ResourceInUse"):
        pool.desk.asg.delete_warm_pool(**NAME)
    pool.desk.asg.delete_warm_pool(**NAME, ForceDelete=True)
    configuration = pool.configuration()
    assert configuration is not None
    assert configuration["Status"] == "PendingDelete"
    pool.desk.steps()
    assert pool.configuration() is None
    assert pool.ec2_state(spare) == "terminated"
    with pytest.raises(ClientError, match="No warm pool found"):
        pool.desk.asg.delete_warm_pool(**NAME)
    assert pool.desk.states() == ["InService"]


def test_force_does_not_wait_for_hooks(pool: Pool) -> None:
    for transition in (LAUNCHING, ENDING):
        name = transition.rsplit("_", 1)[-1].lower()
        pool.desk.asg.put_lifecycle_hook(
            **{**HOOK, "LifecycleHookName": name}, LifecycleTransition=transition
        )
    pool.put()
    assert pool.states() == ["Warmed:Pending:Wait"]
    with pytest.raises(ClientError, match="ScalingActivityInProgress"):
        pool.desk.asg.delete_warm_pool(**NAME)
    pool.desk.asg.delete_warm_pool(**NAME, ForceDelete=True)
    pool.desk.steps()
    assert pool.configuration() is None


def test_an_empty_pool_is_deleted_at_once(pool: Pool) -> None:
    pool.put(MaxGroupPreparedCapacity=0)
    pool.desk.asg.delete_warm_pool(**NAME)
    assert pool.configuration() is None


def test_a_pool_that_is_being_deleted_is_not_changed(desk: Desk) -> None:
    pool = Pool(desk)
    pool.put()
    desk.asg.delete_warm_pool(**NAME, ForceDelete=True)
    with pytest.raises(ClientError, match="ResourceContention"):
        pool.put()


def test_a_group_with_a_pool_is_deleted_by_force_only(pool: Pool) -> None:
    pool.put(MinSize=1)
    pool.want(0)
    pool.desk.later(300)
    assert pool.desk.instances() == []
    with pytest.raises(ClientError, match=r"ResourceInUse.*warm pool"):
        pool.desk.asg.delete_auto_scaling_group(**NAME)
    spares = pool.ids()
    pool.desk.asg.delete_auto_scaling_group(**NAME, ForceDelete=True)
    pool.desk.steps()
    assert pool.desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert {pool.ec2_state(each) for each in spares} == {"terminated"}


def test_the_lab_no_longer_refuses_warm_pools() -> None:
    assert pretended(Call("autoscaling", "PutWarmPool", Protocol.QUERY, "lab")) is None
