"""Who types `scripts/refresh`, and the account, network and group that answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend
from moto.ec2.responses.launch_templates import LaunchTemplates

from bakehouse.aws import Account
from bakehouse.cli.refresh import parser
from bakehouse.cli.roll import Roll
from bakehouse_lab.compat import launch_template_version, launch_template_versions_deleted

if TYPE_CHECKING:
    from tests.unit.lab.autoscaling.conftest import Desk

MENDED = (
    (LaunchTemplates, "create_launch_template_version"),
    (LaunchTemplate, "create_version"),
    (LaunchTemplate, "get_version"),
    (LaunchTemplate, "latest_version"),
    (LaunchTemplateBackend, "describe_launch_template_versions"),
)


class Team:
    """Who types commands, and what befalls the group while they wait."""

    def __init__(self, desk: Desk, account: Account) -> None:
        self.desk, self.account = desk, account
        version = {"LaunchTemplateId": desk.template, "Version": "1"}
        tags = [{"Key": "Environment", "Value": "staging"}]
        desk.elb.modify_target_group(
            TargetGroupArn=desk.target_group, HealthCheckIntervalSeconds=5, HealthyThresholdCount=2
        )
        desk.create(LaunchTemplate=version, MaxSize=10, Tags=tags)
        desk.steps()
        self.well()
        self.image = self.bake("second")
        self.ill: set[str] = set()  # images whose hosts never become healthy
        self.befalls: Callable[[], None] = lambda: None  # at each wait
        self.least = 99
        desk.now += 1000

    def bake(self, name: str, state: str = "verified") -> str:
        made = self.desk.ec2.register_image(Name=name)["ImageId"]
        self.desk.ec2.create_tags(
            Resources=[made],
            Tags=[{"Key": "bakehouse:state", "Value": state}, {"Key": "Role", "Value": "web"}],
        )
        return str(made)

    def well(self) -> None:
        """The balancer finds hosts as their image makes them."""
        for host in self.desk.registered():
            instance = self.desk.groups.ec2_backend.get_instance(host)
            sick = instance.image_id in getattr(self, "ill", ())
            self.desk.health(host, "unhealthy" if sick else "healthy")

    def pause(self, seconds: float) -> None:
        self.befalls()
        self.desk.now += seconds
        self.desk.targets.forget_drained(self.desk.now)
        self.desk.steps(2)
        self.well()
        self.desk.steps(1)
        self.least = min(self.least, self.serving())

    def serving(self) -> int:
        states = self.desk.targets.health
        return sum(
            each["LifecycleState"] == "InService"
            and states[self.desk.target_group, each["InstanceId"]].state == "healthy"
            for each in self.desk.instances()
        )

    def types(self, *words: str) -> int:
        asked = parser().parse_args(["web", *words])
        return Roll(asked, self.account, lambda: self.desk.now, self.pause).serve()

    def stopped_at(
        self, sky: list[Weather], number: int, moment: str, how: type[BaseException]
    ) -> int:
        """Refresh, and be stopped before or after the call of that number, from 1."""
        calls = sky[0].calls
        calls.clear()

        def stop(now: str) -> None:
            if len(calls) == number and now == moment:
                for weather in sky:
                    weather.dead = how is SystemExit
                    weather.each = lambda moment: None
                raise how

        for weather in sky:
            weather.each = stop
        try:
            return self.refreshes()
        finally:
            for weather in sky:
                weather.dead, weather.each = False, lambda moment: None

    def begun(self) -> int:
        """How many refreshes there were."""
        found = self.desk.asg.describe_instance_refreshes(AutoScalingGroupName="web")
        return len(found["InstanceRefreshes"])

    def refreshes(self, *words: str) -> int:
        usual = () if "--warmup" in words else ("--warmup", "10")
        return self.types("--image", self.image, *usual, *words)

    def images(self) -> set[str]:
        ec2 = self.desk.groups.ec2_backend
        return {
            ec2.get_instance(each["InstanceId"]).image_id
            for each in self.desk.instances()
            if each["LifecycleState"] == "InService"
        }

    def versions(self) -> list[int]:
        found = self.desk.ec2.describe_launch_template_versions(
            LaunchTemplateId=self.desk.template, MaxResults=200
        )
        return sorted(each["VersionNumber"] for each in found["LaunchTemplateVersions"])

    def group_version(self) -> str:
        (group,) = self.desk.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
        return str(group["LaunchTemplate"]["Version"])

    def put_alarm(self, state: str) -> None:
        """The alarm web-5xx is in that state."""
        cloudwatch = self.desk.cloudwatch
        cloudwatch.put_metric_alarm(
            AlarmName="web-5xx",
            MetricName="HTTPCode_Target_5XX_Count",
            Namespace="AWS/ApplicationELB",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName="web-5xx", StateValue=state, StateReason="a test")

    def count(self, requests: float, errors: float, latency: float) -> None:
        """The balancer tells CloudWatch of one minute, which begins now."""
        group = self.desk.target_group
        (found,) = self.desk.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
        (balancer,) = found["LoadBalancerArns"]
        dimensions = [
            {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
            {"Name": "LoadBalancer", "Value": balancer.partition(":loadbalancer/")[2]},
        ]
        metrics = {
            "RequestCount": requests,
            "HTTPCode_Target_5XX_Count": errors,
            "TargetResponseTime": latency,
        }
        self.desk.cloudwatch.put_metric_data(
            Namespace="AWS/ApplicationELB",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": dimensions,
                    "Timestamp": datetime.fromtimestamp(self.desk.now, UTC),
                    "Value": value,
                }
                for name, value in metrics.items()
            ],
        )


class Weather:
    """A client behind a network that does what a test says, before or after a call is heard."""

    def __init__(self, client: Any, calls: list[str]) -> None:
        self._client = client
        self.calls = calls  # of all clients, in their order
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self.each: Callable[[str], object] = lambda moment: None  # "before" and "after" every call
        self.dead = False  # whoever calls is gone: nothing is heard

    def __getattr__(self, name: str) -> Any:
        def call(*what: Any, **how: Any) -> Any:
            if self.dead:
                raise SystemExit(137)
            self.calls.append(name)
            self.each("before")
            if name in self.before:
                self.before[name]()
            answer = getattr(self._client, name)(*what, **how)
            if name in self.after:
                self.after.pop(name)()
            self.each("after")
            return answer

        return call

    @staticmethod
    def silence() -> None:
        """Nobody answers."""
        raise ReadTimeoutError(endpoint_url="https://autoscaling")

    @staticmethod
    def refuse(code: str) -> None:
        """AWS says no."""
        error = {"Error": {"Code": code, "Message": "No."}}
        raise ClientError(error, "DescribeInstanceRefreshes")


@pytest.fixture
def weather(team: Team) -> Iterator[Weather]:
    """That of Auto Scaling."""
    with behind(team.account, "autoscaling", []) as stormy:
        yield stormy


@pytest.fixture
def sky(team: Team) -> Iterator[list[Weather]]:
    """That of Auto Scaling and EC2."""
    calls: list[str] = []
    with (
        behind(team.account, "autoscaling", calls) as one,
        behind(team.account, "ec2", calls) as two,
    ):
        yield [one, two]


@contextlib.contextmanager
def behind(account: Account, service: str, calls: list[str]) -> Iterator[Weather]:
    fair = account.__dict__[service]
    account.__dict__[service] = Weather(fair, calls)
    yield account.__dict__[service]
    account.__dict__[service] = fair


@pytest.fixture(scope="module")
def account(clients: dict[str, Any]) -> Account:
    account = Account("us-east-1")
    for name in ("ec2", "autoscaling", "cloudwatch"):
        account.__dict__[name] = clients[name]
    account.__dict__["elb"] = clients["elbv2"]
    return account


@pytest.fixture
def team(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    for owner, name in MENDED:
        monkeypatch.setattr(owner, name, getattr(owner, name))  # so that it is put back
    launch_template_version.mend()
    launch_template_versions_deleted.mend()
    yield Team(desk, account)
