"""An account in memory, whose groups live step by step, on a clock that the test moves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.autoscaling.models import autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.ec2.models.instances import InstanceState
from moto.elbv2.models import elbv2_backends

from bakehouse_lab.autoscaling import api
from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
from bakehouse_lab.autoscaling.controller import step
from bakehouse_lab.elb import health
from bakehouse_lab.elb.backend import LabELBv2Backend
from bakehouse_lab.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator


SERVICES = ("ec2", "elbv2", "autoscaling", "cloudwatch", "events", "sqs", "sns")


class Desk:
    """An account with a network, a template, a load balancer, and a group called `web`."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self.now = 1_000_000.0
        self.ec2, self.elb, self.asg, self.cloudwatch, self.events, self.sqs, self.sns = (
            clients[name] for name in SERVICES
        )
        self.groups = autoscaling_backends[ACCOUNT][REGION]
        self.targets = elbv2_backends[ACCOUNT][REGION]
        self.groups.clock = self.targets.clock = lambda: self.now
        vpc = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone
            )["Subnet"]["SubnetId"]
            for number, zone in ((1, "us-east-1a"), (2, "us-east-1b"))
        ]
        self.image = self.ec2.register_image(Name="first")["ImageId"]
        self.template = self.ec2.create_launch_template(
            LaunchTemplateName="web",
            LaunchTemplateData={"ImageId": self.image, "InstanceType": "t3.small"},
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.target_group = self.elb.create_target_group(
            Name="web", Protocol="HTTP", Port=80, VpcId=vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.elb.create_load_balancer(Name="web", Subnets=self.subnets)
        self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.target_group}],
        )

    def create(self, **how: Any) -> None:
        usual = {
            "AutoScalingGroupName": "web",
            "MinSize": 0,
            "MaxSize": 4,
            "DesiredCapacity": 2,
            "LaunchTemplate": {"LaunchTemplateId": self.template, "Version": "$Latest"},
            "VPCZoneIdentifier": ",".join(self.subnets),
            "TargetGroupARNs": [self.target_group],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": 100,
        }
        self.asg.create_auto_scaling_group(**{**usual, **how})

    def steps(self, count: int = 6) -> None:
        for _ in range(count):
            if "web" in self.groups.autoscaling_groups:
                step(self.groups, "web")

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.targets.forget_drained(self.now)
        self.steps()

    def whole(self) -> list[str]:
        self.create()
        self.steps()
        return self.ids()

    def instances(self) -> list[dict[str, Any]]:
        (group,) = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])[
            "AutoScalingGroups"
        ]
        found: list[dict[str, Any]] = group["Instances"]
        return found

    def ids(self) -> list[str]:
        return [each["InstanceId"] for each in self.instances()]

    def states(self) -> list[str]:
        return [each["LifecycleState"] for each in self.instances()]

    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.asg.describe_scaling_activities(
            AutoScalingGroupName="web"
        )["Activities"]
        return found

    def health(self, instance: str, state: str) -> None:
        self.targets.health[self.target_group, instance] = health.Health(state)

    def registered(self) -> list[str]:
        return list(self.targets.target_groups[self.target_group].targets)

    def ec2_state(self, instance: str, state: str) -> None:
        record = self.groups.ec2_backend.get_instance(instance)
        record._state = InstanceState(state, 0)

    def queue(self, name: str) -> tuple[str, str]:
        """A new queue's URL and ARN."""
        url = str(self.sqs.create_queue(QueueName=name)["QueueUrl"])
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, str(found["Attributes"]["QueueArn"])

    def listen(self) -> str:
        """A queue that gets what Auto Scaling tells EventBridge."""
        url, arn = self.queue("told")
        pattern = json.dumps({"source": ["aws.autoscaling"]})
        self.events.put_rule(Name="told", EventPattern=pattern)
        self.events.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": arn}])
        return url

    def heard(self, queue: str) -> list[dict[str, Any]]:
        """The messages of a queue, in their order."""
        messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(each["Body"]) for each in messages.get("Messages", [])]


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Reading the services' models takes a second each: once for all tests."""
    session = boto3.Session("lab", "lab", region_name=REGION)
    return {name: session.client(name) for name in SERVICES}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, clients: dict[str, Any]) -> Iterator[Desk]:
    services = [
        (autoscaling_backends, LabAutoScalingBackend),
        (elbv2_backends, LabELBv2Backend),
    ]
    for action in api.ACTIONS:
        monkeypatch.setattr(AutoScalingResponse, action.__name__, action, raising=False)
    for backends, ours in services:
        monkeypatch.setattr(backends, "backend", ours)
        backends.clear()
    with mock_aws():
        yield Desk(clients)
    for backends, _ in services:
        backends.clear()


NAME = {"AutoScalingGroupName": "web"}
FIRST = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "InstanceWarmup": 30}


class Rollout:
    """A group of two on version 1, and a version 2 that brings another image."""

    def __init__(self, desk: Desk, **group: Any) -> None:
        self.desk = desk
        desk.create(**{"LaunchTemplate": self.version("1"), "MaxSize": 10, **group})
        desk.steps()
        self.well()
        self.image = desk.ec2.register_image(Name="second")["ImageId"]
        desk.ec2.create_launch_template_version(
            LaunchTemplateId=desk.template,
            LaunchTemplateData={"ImageId": self.image, "InstanceType": "t3.small"},
        )
        desk.now += 1000

    def version(self, number: str) -> dict[str, str]:
        return {"LaunchTemplateId": self.desk.template, "Version": number}

    def start(self, desired: bool = True, **preferences: Any) -> str:
        more = {"DesiredConfiguration": {"LaunchTemplate": self.version("2")}} if desired else {}
        started = self.desk.asg.start_instance_refresh(
            **NAME, **more, Preferences={**FIRST, **preferences}
        )
        return str(started["InstanceRefreshId"])

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.asg.describe_instance_refreshes(**NAME)[
            "InstanceRefreshes"
        ][0]
        return found

    def status(self) -> str:
        return str(self.shown()["Status"])

    def well(self) -> None:
        """The load balancer finds every instance healthy that is registered."""
        for name in self.desk.registered():
            self.desk.health(name, "healthy")

    def later(self, seconds: float) -> None:
        self.desk.later(seconds)
        self.well()
        self.desk.steps()

    def end(self) -> dict[str, Any]:
        for _ in range(100):
            self.later(20)
            if "EndTime" in (shown := self.shown()):
                return shown
        raise AssertionError(f"it does not end: {shown}")

    def versions(self) -> list[str]:
        return sorted(each["LaunchTemplate"]["Version"] for each in self.desk.instances())

    def group_version(self) -> str:
        (group,) = self.desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
        return str(group["LaunchTemplate"]["Version"])

    def in_service(self) -> int:
        return self.desk.states().count("InService")

    def alarm(self, state: str) -> None:
        """The CloudWatch alarm `errors` is in that state."""
        desk = self.desk
        desk.cloudwatch.put_metric_alarm(
            AlarmName="errors",
            MetricName="HTTPCode_Target_5XX_Count",
            Namespace="AWS/ApplicationELB",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        desk.cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="a test")


@pytest.fixture
def rollout(desk: Desk) -> Rollout:
    return Rollout(desk)
