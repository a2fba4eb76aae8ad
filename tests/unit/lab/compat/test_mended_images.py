"""AMIs as moto ships them, and as the lab mends them; and how long it takes to list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


def found_by_ena_support(client: Any) -> int:
    ec2 = client("ec2")
    ec2.register_image(Name="image")
    found = ec2.describe_images(Filters=[{"Name": "ena-support", "Values": ["true"]}])
    return len(found["Images"])


def test_moto_fails_for_a_filter_that_packer_templates_use(ask_moto: Ask) -> None:
    with pytest.raises(AssertionError, match="ena-support"):
        ask_moto(found_by_ena_support)


def test_the_lab_finds_images_by_that_filter(ask_moto: Ask) -> None:
    assert ask_moto(found_by_ena_support, "image_filters") == 1


def found_by_disk(client: Any) -> list[int]:
    ec2 = client("ec2")
    ec2.register_image(Name="image")
    name = "block-device-mapping.volume-type"
    kinds = ("standard", "io2")
    return [
        len(ec2.describe_images(Filters=[{"Name": name, "Values": [kind]}])["Images"])
        for kind in kinds
    ]


def test_the_lab_finds_images_by_their_disks(ask_moto: Ask) -> None:
    assert ask_moto(found_by_disk, "image_filters") == [1, 0]


def described_after_a_change(client: Any) -> str:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image", Description="before")["ImageId"]
    ec2.modify_image_attribute(ImageId=image, Description={"Value": "after"})
    description: str = ec2.describe_images(ImageIds=[image])["Images"][0]["Description"]
    return description


def test_moto_forgets_a_new_description(ask_moto: Ask) -> None:
    assert ask_moto(described_after_a_change) == "before"


def test_the_lab_keeps_a_new_description(ask_moto: Ask) -> None:
    assert ask_moto(described_after_a_change, "image_attributes") == "after"


def shared_after_sharing(client: Any) -> int:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    permission = {"Add": [{"UserId": "210987654321"}]}
    ec2.modify_image_attribute(ImageId=image, LaunchPermission=permission)
    shown = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
    return len(shown["LaunchPermissions"])


def test_sharing_an_image_works_as_before(ask_moto: Ask) -> None:
    assert ask_moto(shared_after_sharing, "image_attributes") == 1


def growth_of_one_lookup(client: Any) -> float:
    """How much longer one resource's tags take among 200 times as many others."""
    import timeit

    from moto.backends import get_backend

    backend = get_backend("ec2")["123456789012"]["us-east-1"]
    wanted = {"resource-id": ["vol-00000000000000001"]}
    times = []
    for number in (20, 4000):
        for index in range(number):
            backend.create_tags([f"vol-{index:017x}"], {"Name": "disk"})
        times.append(min(timeit.repeat(lambda: backend.describe_tags(wanted), number=5)))
    return times[1] / times[0]


def test_moto_searches_all_tags_for_those_of_one_resource(ask_moto: Ask) -> None:
    assert ask_moto(growth_of_one_lookup) > 10


def test_the_lab_looks_up_the_tags_of_one_resource(ask_moto: Ask) -> None:
    assert ask_moto(growth_of_one_lookup, "tag_lookup") < 5


def tags_found(client: Any) -> list[Any]:
    ec2 = client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "first"}])
    one = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    none = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": ["vpc-1"]}])["Tags"]
    wild = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": ["vpc-*"]}])["Tags"]
    return [[tag["Value"] for tag in one], one[0]["ResourceType"], none, len(wild)]


def test_a_lookup_says_what_the_search_said(ask_moto: Ask) -> None:
    assert ask_moto(tags_found, "tag_lookup") == ask_moto(tags_found) == [["first"], "vpc", [], 1]
