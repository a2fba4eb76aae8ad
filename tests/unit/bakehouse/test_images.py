"""What a bake asks of EC2, against moto: the requests are real, and so are the answers."""

from __future__ import annotations

from typing import Any

import pytest

from bakehouse.aws import Account
from bakehouse.images.account import Images, NoBaseImage, NoNetwork, NotFitToServe
from bakehouse.images.image import BAKING, RUN, STATE, UNVERIFIED, VERIFIED
from bakehouse.images.leftovers import of, of_the_dead

RUN_1, RUN_2 = "20261127-120000-abcdef", "20261127-130000-abcdef"


@pytest.fixture
def images(account: Account) -> Images:
    return Images(account)


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


def snapshots(ec2: Any) -> set[str]:
    return {one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}


def test_what_a_bake_left_is_found_by_its_run_and_taken_away(images: Images, ec2: Any) -> None:
    mine, other = host(ec2, RUN_1), host(ec2, RUN_2)
    for name in (f"bakehouse-{RUN_1}", f"bakehouse-{RUN_1}-verify", "bakehouse", "ann"):
        ec2.create_key_pair(KeyName=name)
    vpc = images.network("")[0]
    group = images.open_group(RUN_1, "build", vpc, ("10.0.0.0/8",))
    left = images.leftovers(of(RUN_1))
    assert left.instances == (mine,)
    assert left.key_pairs == (f"bakehouse-{RUN_1}", f"bakehouse-{RUN_1}-verify")
    assert left.security_groups == (group,)
    images.remove(left, RUN_1)
    assert not images.leftovers(of(RUN_1))
    assert images.leftovers(of(RUN_2)).instances == (other,)


def test_a_half_made_image_goes_with_its_snapshots(images: Images, ec2: Any) -> None:
    before = snapshots(ec2)
    name = f"bakehouse-web-debian-13-{RUN_1[:15]}"
    made = ec2.create_image(InstanceId=host(ec2, RUN_1), Name=name)["ImageId"]
    left = images.leftovers(of(RUN_1))
    assert left.images == (made,)
    assert left.snapshots
    images.remove(left, RUN_1)
    assert not images.leftovers(of(RUN_1))
    assert snapshots(ec2) == before


def test_a_finished_image_is_not_left_over_and_nor_is_one_of_a_bake_that_goes_on(
    images: Images, ec2: Any
) -> None:
    for run, state in ((RUN_1, UNVERIFIED), (RUN_2, BAKING)):
        name = f"bakehouse-web-debian-13-{run[:15]}"
        made = ec2.create_image(InstanceId=host(ec2, "other"), Name=name)["ImageId"]
        images.mark(images.image(made), {RUN: run, STATE: state})
    assert not images.leftovers(of_the_dead({RUN_2, "other"}))
    assert images.leftovers(of_the_dead({"other"})).images == (made,)


def test_snapshots_whose_image_went_before_them_are_found(images: Images, ec2: Any) -> None:
    made = ec2.create_image(InstanceId=host(ec2, RUN_2), Name="bakehouse-web-1")["ImageId"]
    images.mark(images.image(made), {RUN: RUN_1, STATE: VERIFIED})
    alone = images.image(made).snapshots
    assert images.leftovers(of(RUN_1)).snapshots == ()
    ec2.deregister_image(ImageId=made)
    assert images.leftovers(of(RUN_1)).snapshots == alone


def test_the_group_of_a_bake_lets_in_whom_it_names_and_no_one_else(
    images: Images, ec2: Any
) -> None:
    made = images.open_group(RUN_1, "build", images.network("")[0], ("10.0.0.0/8",))
    rules = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["IpPermissions"]
    assert [(rule["FromPort"], rule["IpRanges"]) for rule in rules] == [
        (22, [{"CidrIp": "10.0.0.0/8"}])
    ]


def test_an_image_that_is_not_encrypted_does_not_pass(images: Images, ec2: Any) -> None:
    made = ec2.create_image(InstanceId=host(ec2, RUN_1), Name="bakehouse-web-1")["ImageId"]
    with pytest.raises(NotFitToServe, match="not encrypted"):
        images.harden(made)


def test_without_a_base_image_one_is_told_how_to_look_for_it(images: Images) -> None:
    with pytest.raises(NoBaseImage, match=r"debian-13-amd64-.*\n  next: aws ec2 describe-images"):
        images.base("debian-13")


def test_a_base_image_that_is_not_there_is_named(images: Images) -> None:
    with pytest.raises(NoBaseImage, match="ami-0123456789abcdef0"):
        images.base("debian-13", "ami-0123456789abcdef0")


def test_the_build_host_is_open_to_its_own_network_only(images: Images, ec2: Any) -> None:
    assert images.network("")[1] == "172.31.0.0/16"
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    assert images.network(subnet) == (vpc, "10.9.0.0/16")


def test_without_a_network_one_is_asked_for_a_subnet(images: Images, ec2: Any) -> None:
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    with pytest.raises(NoNetwork, match="--subnet"):
        images.network("")
