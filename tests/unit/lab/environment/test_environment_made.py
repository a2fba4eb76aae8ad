"""What the example environment is, once it is made."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from bakehouse_lab.settings import ACCOUNT, REGION

if TYPE_CHECKING:
    Account = Any


def test_what_went_missing_is_made_again_and_nothing_else(staging: Account) -> None:
    elb = staging.client("elbv2")
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    elb.delete_listener(ListenerArn=listener)
    assert staging.build().made == ["staging-alb listener"]
    assert len(elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]) == 1


def test_the_range_is_the_labs_own(staging: Account) -> None:
    subnets = staging.client("ec2").describe_subnets(
        Filters=[{"Name": "tag:Environment", "Values": ["staging"]}]
    )["Subnets"]
    places = {
        next(tag["Value"] for tag in each["Tags"] if tag["Key"] == "Name"): (
            each["CidrBlock"],
            each["AvailabilityZone"],
        )
        for each in subnets
    }
    assert places == {
        "staging-public-a": ("10.23.1.0/24", "us-east-1a"),
        "staging-public-b": ("10.23.2.0/24", "us-east-1b"),
        "staging-private-a": ("10.23.11.0/24", "us-east-1a"),
        "staging-private-b": ("10.23.12.0/24", "us-east-1b"),
    }


def test_each_group_lets_in_only_the_one_before_it(staging: Account) -> None:
    groups = staging.client("ec2").describe_security_groups()["SecurityGroups"]
    names = {each["GroupId"]: each["GroupName"] for each in groups}
    ways = {
        (
            each["GroupName"],
            rule["FromPort"],
            *(source["CidrIp"] for source in rule["IpRanges"]),
            *(names[source["GroupId"]] for source in rule["UserIdGroupPairs"]),
        )
        for each in groups
        if each["GroupName"].startswith("staging-")
        for rule in each["IpPermissions"]
    }
    assert ways == {
        ("staging-alb", 80, "0.0.0.0/0"),
        ("staging-alb", 443, "0.0.0.0/0"),
        ("staging-web", 80, "staging-alb"),
        ("staging-web", 22, "10.23.0.0/16"),
        ("staging-db", 3306, "staging-web"),
        ("staging-redis", 6379, "staging-web"),
    }


def test_the_application_key_is_what_laravel_takes(staging: Account) -> None:
    kind, _, key = staging.secret()["APP_KEY"].partition(":")
    assert kind == "base64"
    assert len(base64.b64decode(key, validate=True)) == 32


def test_the_database_takes_the_password_that_the_secret_has(staging: Account) -> None:
    from moto.backends import get_backend

    record = get_backend("rds")[ACCOUNT][REGION].databases["staging-db"]
    assert record._master_user_password == staging.secret()["DB_PASSWORD"]
    assert record.master_username == staging.secret()["DB_USERNAME"]


def test_without_an_image_of_our_own_no_host_is_started(staging: Account) -> None:
    made = staging.build()
    assert made.hosts == staging.group()["MinSize"] == staging.group()["DesiredCapacity"] == 0
    assert staging.group()["MaxSize"] == 4


def test_hosts_prove_themselves_to_the_metadata_service_and_know_their_environment(
    staging: Account,
) -> None:
    template = staging.template()
    assert template["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
        "InstanceMetadataTags": "enabled",
    }
    wanted = {
        "Name": "staging-web",
        "Environment": "staging",
        "Role": "web",
        "Application": "app",
    }
    tagged = {
        spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec["Tags"]}
        for spec in template["TagSpecifications"]
    }
    assert tagged["instance"] == tagged["volume"] == wanted


def test_a_host_is_judged_by_whether_it_serves(staging: Account) -> None:
    assert staging.group()["HealthCheckType"] == "ELB"
    target = staging.client("elbv2").describe_target_groups()["TargetGroups"][0]
    assert target["HealthCheckPath"] == "/health"
    assert staging.group()["TargetGroupARNs"] == [target["TargetGroupArn"]]
