"""Load balancers and targets through the API, and what haproxy is to be for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.ec2.models.instances import InstanceState
from moto.elbv2.models import elbv2_backends

from bakehouse_lab.elb import describe, health
from bakehouse_lab.elb.backend import LabELBv2Backend
from bakehouse_lab.elb.render import Condition, Fixed, Forward, Redirect, Rule
from bakehouse_lab.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator


class Desk:
    """An account with a network, two instances, a target group and a load balancer."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self.now = 1_000_000.0
        self.ec2, self.elb = clients["ec2"], clients["elbv2"]
        self.store = elbv2_backends[ACCOUNT][REGION]
        self.store.clock = lambda: self.now
        self.vpc = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone
            )["Subnet"]["SubnetId"]
            for number, zone in ((1, "us-east-1a"), (2, "us-east-1b"))
        ]
        image = self.ec2.register_image(Name="image")["ImageId"]
        started = self.ec2.run_instances(
            ImageId=image, MinCount=2, MaxCount=2, SubnetId=self.subnets[0]
        )
        self.one, self.two = (each["InstanceId"] for each in started["Instances"])
        self.group = self.target_group("web")

    def target_group(self, name: str, **how: Any) -> str:
        made = self.elb.create_target_group(
            **{"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, **how}
        )
        arn: str = made["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def balance(self, *actions: dict[str, Any]) -> tuple[str, str]:
        """A load balancer with a listener on port 80: (its ARN, the listener's)."""
        balancer = self.elb.create_load_balancer(Name="web", Subnets=self.subnets)
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        listener = self.elb.create_listener(
            LoadBalancerArn=arn,
            Protocol="HTTP",
            Port=80,
            DefaultActions=list(actions) or [{"Type": "forward", "TargetGroupArn": self.group}],
        )
        return arn, listener["Listeners"][0]["ListenerArn"]

    def register(self, *ids: str) -> None:
        self.elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": i} for i in ids])

    def deregister(self, *ids: str) -> None:
        self.elb.deregister_targets(TargetGroupArn=self.group, Targets=[{"Id": i} for i in ids])

    def health(self, *ids: str) -> list[tuple[str, str | None]]:
        found = self.elb.describe_target_health(
            TargetGroupArn=self.group, Targets=[{"Id": i} for i in ids]
        )["TargetHealthDescriptions"]
        return [
            (each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")) for each in found
        ]

    def wanted(self, arn: str) -> describe.Wanted:
        return describe.wanted(self.store, self.store.load_balancers[arn], "10.20.1.9")


@pytest.fixture(scope="module")
def clients() -> dict[str, Any]:
    """Reading the services' models takes a second each: once for all tests."""
    session = boto3.Session("lab", "lab", region_name=REGION)
    return {name: session.client(name) for name in ("ec2", "elbv2")}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, clients: dict[str, Any]) -> Iterator[Desk]:
    monkeypatch.setattr(elbv2_backends, "backend", LabELBv2Backend)
    elbv2_backends.clear()
    with mock_aws():
        yield Desk(clients)
    elbv2_backends.clear()


def test_a_target_of_an_unused_group_is_unused(desk: Desk) -> None:
    desk.register(desk.one)
    assert desk.health() == [("unused", "Target.NotInUse")]


def test_a_new_target_is_initial_and_a_foreign_one_not_registered(desk: Desk) -> None:
    desk.balance()
    desk.register(desk.one)
    assert desk.health() == [("initial", "Elb.RegistrationInProgress")]
    assert desk.health(desk.two) == [("unused", "Target.NotRegistered")]


def test_registering_again_changes_nothing(desk: Desk) -> None:
    desk.balance()
    desk.register(desk.one)
    desk.store.health[desk.group, desk.one] = health.Health(health.HEALTHY)
    desk.register(desk.one)
    assert desk.health() == [("healthy", None)]


def test_a_deregistered_target_drains_and_is_then_forgotten(desk: Desk) -> None:
    arn, _ = desk.balance()
    desk.register(desk.one)
    desk.elb.modify_target_group_attributes(
        TargetGroupArn=desk.group,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}],
    )
    desk.deregister(desk.one)
    assert desk.health() == [("draining", "Target.DeregistrationInProgress")]
    assert [each.mode for each in desk.wanted(arn).targets["tg_web"]] == ["drain"]
    assert desk.store.forget_drained(desk.now + 19) == []
    assert desk.store.forget_drained(desk.now + 20) == [desk.one]
    assert desk.health() == []
    assert desk.health(desk.one) == [("unused", "Target.NotRegistered")]


def test_a_target_that_comes_back_while_it_drains_is_new(desk: Desk) -> None:
    desk.balance()
    desk.register(desk.one)
    desk.store.health[desk.group, desk.one] = health.Health(health.HEALTHY)
    desk.deregister(desk.one)
    desk.register(desk.one)
    assert desk.health() == [("initial", "Elb.RegistrationInProgress")]
    assert desk.store.forget_drained(desk.now + 999) == []


def test_deregistering_a_stranger_is_no_error(desk: Desk) -> None:
    desk.deregister(desk.one)


def test_a_terminated_instance_is_deregistered_and_drains(desk: Desk) -> None:
    desk.balance()
    desk.register(desk.one, desk.two)
    desk.ec2.terminate_instances(InstanceIds=[desk.one])
    assert desk.health(desk.one) == [("draining", "Target.DeregistrationInProgress")]


def test_a_stopped_instance_is_unused_and_gets_nothing(desk: Desk) -> None:
    arn, _ = desk.balance()
    desk.register(desk.one)
    instance = desk.store.ec2_backend.get_instance(desk.one)
    instance._state = InstanceState("stopped", 80)
    assert desk.health() == [("unused", "Target.InvalidState")]
    assert [each.mode for each in desk.wanted(arn).targets["tg_web"]] == ["maint"]


def test_a_balancer_is_provisioning_until_it_listens(desk: Desk) -> None:
    arn, _ = desk.balance()

    def state() -> str:
        found = desk.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
        code: str = found["State"]["Code"]
        return code

    assert (state(), state()) == ("provisioning", "provisioning")


@pytest.mark.parametrize(
    ("reason", "how", "said"),
    [
        ("a network load balancer", {"Type": "network"}, "application load balancers only"),
        ("one zone", {"Subnets": 1}, "two different Availability Zones"),
    ],
)
def test_a_balancer_that_the_lab_cannot_run_is_refused(
    desk: Desk, reason: str, how: dict[str, Any], said: str
) -> None:
    subnets = desk.subnets[: how.pop("Subnets", 2)]
    with pytest.raises(ClientError, match=said):
        desk.elb.create_load_balancer(Name="no", Subnets=subnets, **how)
    assert desk.elb.describe_load_balancers()["LoadBalancers"] == [], reason


def test_a_second_balancer_of_the_name_is_the_first_or_refused(desk: Desk) -> None:
    arn, _ = desk.balance()
    again = desk.elb.create_load_balancer(Name="web", Subnets=desk.subnets)
    assert again["LoadBalancers"][0]["LoadBalancerArn"] == arn
    other = desk.ec2.create_subnet(
        VpcId=desk.vpc, CidrBlock="10.20.3.0/24", AvailabilityZone="us-east-1c"
    )["Subnet"]["SubnetId"]
    with pytest.raises(ClientError, match="DuplicateLoadBalancerName"):
        desk.elb.create_load_balancer(Name="web", Subnets=[other, desk.subnets[0]])


def test_a_balancer_without_groups_gets_the_vpcs_default_group(desk: Desk) -> None:
    arn, _ = desk.balance()
    found = desk.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    (group,) = desk.ec2.describe_security_groups(GroupIds=found["SecurityGroups"])["SecurityGroups"]
    assert (group["GroupName"], group["VpcId"]) == ("default", desk.vpc)


def test_what_is_protected_is_not_deleted(desk: Desk) -> None:
    arn, _ = desk.balance()
    protect = {"Key": "deletion_protection.enabled", "Value": "true"}
    desk.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protect])
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        desk.elb.delete_load_balancer(LoadBalancerArn=arn)


def test_a_target_group_shows_who_uses_it_now(desk: Desk) -> None:
    def users() -> list[str]:
        found = desk.elb.describe_target_groups(TargetGroupArns=[desk.group])["TargetGroups"][0]
        arns: list[str] = found.get("LoadBalancerArns", [])
        return arns

    arn, _ = desk.balance()
    assert users() == [arn]
    desk.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert users() == []


def test_targets_that_the_lab_cannot_reach_are_refused(desk: Desk) -> None:
    with pytest.raises(ClientError, match="not 'lambda'"):
        desk.elb.create_target_group(Name="code", TargetType="lambda")


def test_rules_become_what_haproxy_does_in_the_order_of_their_priority(desk: Desk) -> None:
    arn, listener = desk.balance({"Type": "forward", "TargetGroupArn": desk.group})
    other = desk.target_group("other")
    forward = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": desk.group, "Weight": 9},
                {"TargetGroupArn": other, "Weight": 1},
            ]
        },
    }
    redirect = {
        "Type": "redirect",
        "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
    }
    fixed = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "no"},
    }
    for priority, condition, action in (
        (20, {"Field": "host-header", "HostHeaderConfig": {"Values": ["a", "b"]}}, redirect),
        (10, {"Field": "path-pattern", "Values": ["/new/*"]}, forward),
        (
            30,
            {
                "Field": "http-header",
                "HttpHeaderConfig": {"HttpHeaderName": "X-A) or", "Values": ["1"]},
            },
            fixed,
        ),
        (
            40,
            {
                "Field": "query-string",
                "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}, {"Value": "x"}]},
            },
            fixed,
        ),
    ):
        desk.elb.create_rule(
            ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[action]
        )
    (found,) = desk.wanted(arn).balancer.listeners
    assert found.rules == (
        Rule((Condition("path-pattern", ("/new/*",)),), Forward((("tg_web", 9), ("tg_other", 1)))),
        Rule(
            (Condition("host-header", ("a", "b")),),
            Redirect(protocol="HTTPS", port="443", status=301),
        ),
        Rule((Condition("http-header", ("1",), "X-Aor"),), Fixed(404, body="no")),
        Rule((Condition("query-string", ("v=1", "x")),), Fixed(404, body="no")),
        Rule((), Forward((("tg_web", 1),))),
    )


def test_a_target_keeps_its_own_port_and_a_healthy_one_is_ready(desk: Desk) -> None:
    arn, _ = desk.balance()
    desk.elb.register_targets(
        TargetGroupArn=desk.group, Targets=[{"Id": desk.one, "Port": 8080}, {"Id": desk.two}]
    )
    desk.store.health[desk.group, desk.one] = health.Health(health.HEALTHY)
    found = [(each.port, each.mode) for each in desk.wanted(arn).targets["tg_web"]]
    assert found == [(8080, "ready"), (80, "maint")]


def test_a_listener_with_a_certificate_brings_it_along_with_its_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    acm = boto3.client(
        "acm", region_name=REGION, aws_access_key_id="lab", aws_secret_access_key="lab"
    )
    certificate = acm.request_certificate(DomainName="app.example.com")["CertificateArn"]
    arn, _ = desk.balance()
    desk.elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": desk.group}],
    )
    wanted = desk.wanted(arn)
    ((name, pem),) = wanted.certificates.items()
    assert wanted.balancer.listeners[1].certificates == (name,)
    assert b"BEGIN CERTIFICATE" in pem
    assert b"PRIVATE KEY" in pem


def test_the_check_of_a_group_is_what_was_asked_for(desk: Desk) -> None:
    arn = desk.target_group(
        "checked",
        HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=3,
        HealthCheckPort="8081",
        Matcher={"HttpCode": "200-299"},
    )
    assert describe.check(desk.store.target_groups[arn]) == health.Check(
        "HTTP", 8081, "/health", "200-299", 5, 2, 2, 3
    )
