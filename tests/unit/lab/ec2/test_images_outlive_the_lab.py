"""AMIs: made from hosts, kept beside their records, gone when they are deregistered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from bakehouse_lab.ec2.ami_record import AmiRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Desk = Any

IMAGE = "localhost/bakehouse-lab7/ami:{}"


def test_base_images_look_like_debians_own(desk: Desk) -> None:
    found = desk.ec2.describe_images(
        Owners=["136693071363"],
        Filters=[
            {"Name": "name", "Values": ["debian-13-amd64-*"]},
            {"Name": "root-device-type", "Values": ["ebs"]},
            {"Name": "virtualization-type", "Values": ["hvm"]},
            {"Name": "architecture", "Values": ["x86_64"]},
        ],
    )["Images"]
    assert [image["RootDeviceName"] for image in found] == ["/dev/xvda"]
    assert len(desk.ec2.describe_images()["Images"]) == 2


def test_a_base_image_keeps_its_id(desk: Desk, sit_down: Callable[[Any], Any]) -> None:
    before = desk.base()
    assert sit_down(desk.podman).base() == before


def test_an_image_is_pending_until_the_disk_is_committed(desk: Desk) -> None:
    instance = desk.launch()
    image = desk.ec2.create_image(InstanceId=instance, Name="baked")["ImageId"]
    assert desk.image(image)["State"] == "pending"
    desk.settle()
    assert desk.image(image)["State"] == "available"
    assert IMAGE.format(image) in desk.podman.labels


def test_the_host_is_shut_down_for_it_and_comes_back(desk: Desk) -> None:
    instance = desk.launch()
    running: list[bool] = []
    commit = desk.podman.commit

    def looking(name: str, *args: Any, **more: Any) -> None:
        running.append(desk.podman.seen(name).running)
        commit(name, *args, **more)

    desk.podman.commit = looking
    desk.bake(instance, "shut-down")
    desk.bake(instance, "left-running", NoReboot=True)
    assert running == [False, True]
    assert desk.podman.seen(desk.container(instance)).running
    assert desk.state(instance) == "running"


def test_a_commit_that_fails_is_a_failed_image_and_a_running_host(desk: Desk) -> None:
    instance = desk.launch()
    desk.podman.broken.add("commit")
    image = desk.bake(instance)
    assert desk.image(image)["State"] == "failed"
    assert "no space left" in desk.image(image)["StateReason"]["Message"]
    assert desk.podman.seen(desk.container(instance)).running


def test_an_instance_of_a_pending_image_is_refused(desk: Desk) -> None:
    image = desk.ec2.create_image(InstanceId=desk.launch(), Name="baked")["ImageId"]
    with pytest.raises(ClientError, match=r"InvalidAMIID\.Unavailable"):
        desk.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)


def test_a_host_boots_from_the_image_that_was_baked(desk: Desk) -> None:
    image = desk.bake(desk.launch())
    instance = desk.launch(ImageId=image)
    assert desk.podman.made[desk.container(instance)].image == IMAGE.format(image)


def test_a_name_is_taken_once_only(desk: Desk) -> None:
    instance = desk.launch()
    desk.bake(instance, "web")
    with pytest.raises(ClientError, match=r"InvalidAMIName\.Duplicate"):
        desk.ec2.create_image(InstanceId=instance, Name="web")


def test_tags_are_on_the_image_and_on_its_snapshot(desk: Desk) -> None:
    image = desk.bake(
        desk.launch(),
        TagSpecifications=[
            {"ResourceType": "image", "Tags": [{"Key": "Role", "Value": "web"}]},
            {"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "disk"}]},
        ],
    )
    assert desk.image(image)["Tags"] == [{"Key": "Role", "Value": "web"}]
    snapshot = desk.image(image)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    shown = desk.ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert shown["Tags"] == [{"Key": "Name", "Value": "disk"}]


def test_an_image_with_all_that_is_known_of_it_outlives_the_process(
    desk: Desk, sit_down: Callable[[Any], Any]
) -> None:
    image = desk.bake(desk.launch(), Description="first")
    desk.ec2.create_tags(Resources=[image], Tags=[{"Key": "late", "Value": "yes"}])
    desk.ec2.enable_image_deprecation(ImageId=image, DeprecateAt="2030-01-01T00:00:30Z")
    desk.settle()
    before = desk.image(image)
    again = sit_down(desk.podman)
    assert again.image(image) == before
    assert before["DeprecationTime"] == "2030-01-01T00:00:00.000Z"
    assert before["Tags"] == [{"Key": "late", "Value": "yes"}]


def test_an_image_whose_record_is_lost_comes_back_from_its_label(
    desk: Desk, sit_down: Callable[[Any], Any], tmp_path: Path
) -> None:
    image = desk.bake(desk.launch(), "web")
    (tmp_path / "state" / "lab7" / "amis" / f"{image}.json").unlink()
    assert sit_down(desk.podman).image(image)["Name"] == "web"


def test_an_image_whose_record_is_garbage_is_left_alone(
    desk: Desk, sit_down: Callable[[Any], Any], tmp_path: Path
) -> None:
    image = desk.bake(desk.launch())
    (tmp_path / "state" / "lab7" / "amis" / f"{image}.json").write_text("{")
    again = sit_down(desk.podman)
    again.settle()
    assert IMAGE.format(image) in again.podman.labels


def test_deregistering_takes_the_container_image_and_frees_the_snapshot(desk: Desk) -> None:
    instance = desk.launch()
    image = desk.bake(instance)
    snapshot = desk.image(image)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.InUse"):
        desk.ec2.delete_snapshot(SnapshotId=snapshot)
    desk.ec2.deregister_image(ImageId=image)
    desk.settle()
    assert IMAGE.format(image) not in desk.podman.labels
    desk.ec2.delete_snapshot(SnapshotId=snapshot)


def test_hosts_of_a_deregistered_image_run_on(desk: Desk) -> None:
    image = desk.bake(desk.launch())
    instance = desk.launch(ImageId=image)
    desk.ec2.deregister_image(ImageId=image)
    desk.settle()
    assert IMAGE.format(image) in desk.podman.labels
    desk.ec2.terminate_instances(InstanceIds=[instance])
    desk.settle()
    assert IMAGE.format(image) not in desk.podman.labels


def test_a_copy_is_an_image_of_its_own(desk: Desk) -> None:
    image = desk.bake(desk.launch())
    copy = desk.ec2.copy_image(
        SourceImageId=image, SourceRegion="us-east-1", Name="copy", Encrypted=True
    )["ImageId"]
    desk.settle()
    desk.ec2.deregister_image(ImageId=image)
    desk.settle()
    assert desk.image(copy)["State"] == "available"
    assert desk.image(copy)["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert IMAGE.format(copy) in desk.podman.labels


def test_a_copy_keeps_its_own_name_over_a_restart(
    desk: Desk, sit_down: Callable[[Any], Any]
) -> None:
    image = desk.bake(desk.launch(), "original")
    copy = desk.ec2.copy_image(SourceImageId=image, SourceRegion="us-east-1", Name="copy")
    desk.settle()
    assert sit_down(desk.podman).image(copy["ImageId"])["Name"] == "copy"


def test_an_image_is_registered_from_the_snapshot_of_another(desk: Desk) -> None:
    image = desk.bake(desk.launch())
    snapshot = desk.image(image)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    made = desk.ec2.register_image(Name="registered", BlockDeviceMappings=[disk])["ImageId"]
    desk.settle()
    assert desk.image(made)["State"] == "available"


def test_an_image_cannot_be_registered_from_nothing(desk: Desk) -> None:
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        desk.ec2.register_image(Name="registered")


def test_a_record_survives_the_way_through_file_and_label() -> None:
    record = AmiRecord("ami-1", "web", "2026-11-21T03:00:00", "snap-1", tags={"a": "ü"})
    assert AmiRecord.from_json(record.to_json()) == record
    assert AmiRecord.from_label(record.to_label()) == record


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "web"}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        AmiRecord.from_json(text)
