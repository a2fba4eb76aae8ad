"""What a bake asks of EC2, against moto: the requests are real, and so are the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from bakehouse.aws import Account
from bakehouse.image import RUN
from bakehouse.images import Images, NoBaseImage, NoNetwork, NotFitToServe


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Iterator[Images]:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "lab")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        yield Images(Account("us-east-1"))


@pytest.fixture
def ec2(images: Images) -> Any:
    return images._account.ec2


def tagged(kind: str, run: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": RUN, "Value": run}]}]


def host(ec2: Any, run: str) -> str:
    made = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=tagged("instance", run)
    )
    return str(made["Instances"][0]["InstanceId"])


def test_what_a_bake_left_is_found_by_its_run_and_taken_away(images: Images, ec2: Any) -> None:
    mine, other = host(ec2, "run-1"), host(ec2, "run-2")
    ec2.create_key_pair(KeyName="bakehouse-run-1")
    group = ec2.create_security_group(GroupName="packer_1", Description="temporary")["GroupId"]
    left = images.leftovers("run-1", "bakehouse-run-1", {"packer_1"})
    assert (left.instances, left.key_pairs, left.security_groups) == (
        (mine,),
        ("bakehouse-run-1",),
        (group,),
    )
    images.remove(left)
    assert not images.leftovers("run-1", "bakehouse-run-1", {"packer_1"})
    assert images.leftovers("run-2", "none", set()).instances == (other,)


def test_a_half_made_image_goes_with_its_snapshots(images: Images, ec2: Any) -> None:
    instance = host(ec2, "run-1")
    made = ec2.create_image(InstanceId=instance, Name="bakehouse-web-1")["ImageId"]
    left = images.half_made("run-1", "bakehouse-web-1")
    assert left.images == (made,)
    assert left.snapshots
    images.remove(left)
    assert not images.half_made("run-1", "bakehouse-web-1")
    there = {one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert not there & set(left.snapshots)


def test_an_image_that_is_not_encrypted_does_not_pass(images: Images, ec2: Any) -> None:
    made = ec2.create_image(InstanceId=host(ec2, "run-1"), Name="bakehouse-web-1")["ImageId"]
    with pytest.raises(NotFitToServe, match="not encrypted"):
        images.harden(made)


def test_without_a_base_image_one_is_told_how_to_look_for_it(images: Images) -> None:
    with pytest.raises(NoBaseImage, match=r"debian-13-amd64-.*\n  next: aws ec2 describe-images"):
        images.base("debian-13")


def test_a_base_image_that_is_not_there_is_named(images: Images) -> None:
    with pytest.raises(NoBaseImage, match="ami-0123456789abcdef0"):
        images.base("debian-13", "ami-0123456789abcdef0")


def test_the_build_host_is_open_to_its_own_network_only(images: Images, ec2: Any) -> None:
    assert images.network("") == "172.31.0.0/16"
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    assert images.network(subnet) == "10.9.0.0/16"


def test_without_a_network_one_is_asked_for_a_subnet(images: Images, ec2: Any) -> None:
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    with pytest.raises(NoNetwork, match="--subnet"):
        images.network("")
