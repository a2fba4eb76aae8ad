from __future__ import annotations

import dataclasses
import json

import pytest

from bakehouse_lab.imds.host import Access, Host, Interface, Profile
from bakehouse_lab.imds.tree import read

MAC = "02:00:00:00:00:0a"
HOST = Host(
    id="i-0a",
    account="123456789012",
    region="us-east-1",
    zone="us-east-1b",
    zone_id="use1-az2",
    image="ami-0a",
    type="t3.small",
    architecture="x86_64",
    address="10.20.12.7",
    hostname="ip-10-20-12-7.ec2.internal",
    reservation="r-0a",
    launch_index=0,
    life_cycle="on-demand",
    launched="2026-01-31T12:00:00Z",
    root_device="/dev/xvda",
    interface=Interface(
        id="eni-0a",
        mac=MAC,
        subnet_id="subnet-0b",
        subnet_cidr="10.20.12.0/24",
        vpc_id="vpc-0a",
        vpc_cidr="10.20.0.0/16",
        group_ids=("sg-0a", "sg-0b"),
        group_names=("web", "admin"),
    ),
    access=Access(tokens_required=True, tags_shown=True),
    key_name="bakehouse",
    public_key="ssh-ed25519 AAAA bakehouse",
    user_data=b"#!/bin/sh\n\xff",
    tags={"Name": "web", "Environment": "staging"},
    profile=Profile("arn:profile/web", "AIPA0", "web-role", "arn:role/web-role"),
    scaling_state="Pending:Wait",
)
NOW = "2026-01-31T13:00:00Z"


def never() -> str:
    raise AssertionError("credentials were made although nobody asked for them")


def look(path: str, host: Host = HOST) -> str | None:
    found = read(host, path, never, NOW)
    return None if found is None else found.decode()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("latest/meta-data/instance-id", "i-0a"),
        ("/latest/meta-data/instance-id", "i-0a"),
        ("/2009-04-04/meta-data/ami-id", "ami-0a"),
        ("/latest/meta-data/placement/availability-zone", "us-east-1b"),
        ("/latest/meta-data/placement/availability-zone-id", "use1-az2"),
        ("/latest/meta-data/placement/region", "us-east-1"),
        ("/latest/meta-data/local-ipv4", "10.20.12.7"),
        ("/latest/meta-data/security-groups", "web\nadmin"),
        (f"/latest/meta-data/network/interfaces/macs/{MAC}/subnet-id", "subnet-0b"),
        (f"/latest/meta-data/network/interfaces/macs/{MAC}/security-group-ids", "sg-0a\nsg-0b"),
        ("/latest/meta-data/tags/instance", "Name\nEnvironment"),
        ("/latest/meta-data/tags/instance/Environment", "staging"),
        ("/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA bakehouse"),
        ("/latest/meta-data/events/maintenance/scheduled", "[]"),
        ("/latest/meta-data/iam/security-credentials/", "web-role"),
        ("/latest/dynamic/instance-identity/", "document"),
    ],
)
def test_a_path_answers_as_on_aws(path: str, said: str) -> None:
    assert look(path) == said


@pytest.mark.parametrize(
    "path",
    [
        "/latest/meta-data/spot/instance-action",
        "/latest/meta-data/spot/termination-time",
        "/latest/meta-data/instance-id/more",
        "/latest/meta-data/no-such-thing",
        "/1999-01-01/meta-data/instance-id",
        "/meta-data/instance-id",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert look(path) is None


def test_the_root_lists_versions_and_a_version_lists_its_three_branches() -> None:
    versions = look("/")
    assert versions is not None
    assert versions.split("\n")[0] == "1.0"
    assert versions.split("\n")[-1] == "latest"
    assert look("/latest") == "dynamic/\nmeta-data/\nuser-data"


def test_a_list_marks_branches_with_a_slash_so_that_cloud_init_can_walk_it() -> None:
    names = (look("/latest/meta-data/") or "").split("\n")
    assert {"instance-id", "placement/", "public-keys/", "iam/"} <= set(names)


def test_the_list_of_keys_names_them_as_aws_does() -> None:
    assert look("/latest/meta-data/public-keys/") == "0=bakehouse"


def test_user_data_comes_byte_for_byte() -> None:
    assert read(HOST, "/latest/user-data", never, NOW) == b"#!/bin/sh\n\xff"


def test_an_instance_without_user_data_has_none_to_read() -> None:
    assert look("/latest/user-data", dataclasses.replace(HOST, user_data=None)) is None


def test_tags_are_not_shown_unless_the_instance_allows_it() -> None:
    shy = dataclasses.replace(HOST, access=Access(tags_shown=False))
    assert look("/latest/meta-data/tags/instance", shy) is None


def test_an_instance_without_a_profile_has_no_iam() -> None:
    bare = dataclasses.replace(HOST, profile=None)
    assert look("/latest/meta-data/iam/info", bare) is None
    assert look("/latest/meta-data/iam/security-credentials/web-role", bare) is None


def test_a_profile_without_a_role_gives_no_credentials() -> None:
    roleless = dataclasses.replace(HOST, profile=Profile("arn:profile/web", "AIPA0", None, None))
    assert look("/latest/meta-data/iam/security-credentials/", roleless) is None
    info = json.loads(look("/latest/meta-data/iam/info", roleless) or "")
    assert (info["Code"], info["InstanceProfileArn"]) == ("Success", "arn:profile/web")


def test_credentials_are_made_when_they_are_read_and_not_before() -> None:
    path = "/latest/meta-data/iam/security-credentials/web-role"
    assert read(HOST, path, lambda: "keys", NOW) == b"keys"


def test_the_identity_document_names_the_instance_and_where_it_is() -> None:
    document = json.loads(look("/latest/dynamic/instance-identity/document") or "")
    assert document["instanceId"] == "i-0a"
    assert document["region"] == "us-east-1"
    assert document["availabilityZone"] == "us-east-1b"
    assert document["privateIp"] == "10.20.12.7"
    assert document["accountId"] == "123456789012"


@pytest.mark.parametrize(
    ("state", "target"),
    [
        ("Pending", "InService"),
        ("Pending:Wait", "InService"),
        ("InService", "InService"),
        ("Terminating:Wait", "Terminated"),
        ("Standby", "Standby"),
        ("Warmed:Pending:Wait", "Warmed:Running"),
        ("Warmed:Running", "Warmed:Running"),
        ("Warmed:Terminating:Wait", "Warmed:Terminated"),
        (None, None),
    ],
)
def test_the_target_state_says_where_auto_scaling_takes_the_instance(
    state: str | None, target: str | None
) -> None:
    host = dataclasses.replace(HOST, scaling_state=state, pool_state="Running")
    assert look("/latest/meta-data/autoscaling/target-lifecycle-state", host) == target


def test_only_an_instance_with_a_public_address_has_one_to_read() -> None:
    assert look("/latest/meta-data/public-ipv4") is None
    public = dataclasses.replace(HOST, public_address="54.0.0.1", public_hostname="ec2.example")
    assert look("/latest/meta-data/public-ipv4", public) == "54.0.0.1"
    assert look(f"/latest/meta-data/network/interfaces/macs/{MAC}/public-ipv4s", public)
