"""Launch templates and secrets as moto ships them, and as the lab mends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


def version_made_from_another(client: Any) -> dict[str, str]:
    ec2 = client("ec2")
    first = {"ImageId": "ami-1", "InstanceType": "t3.small", "KeyName": "bakehouse"}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=first)
    made = ec2.create_launch_template_version(
        LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={"ImageId": "ami-2"}
    )
    said = ec2.describe_launch_template_versions(LaunchTemplateName="web", Versions=["1", "2"])
    one, two = (each["LaunchTemplateData"] for each in said["LaunchTemplateVersions"])
    assert one["ImageId"] == "ami-1", "the source has changed"
    assert made["LaunchTemplateVersion"]["LaunchTemplateData"] == two
    return dict(two)


def test_moto_forgets_the_version_that_another_is_made_from(ask_moto: Ask) -> None:
    assert ask_moto(version_made_from_another) == {"ImageId": "ami-2"}


def test_the_lab_changes_what_is_said_and_keeps_the_rest(ask_moto: Ask) -> None:
    assert ask_moto(version_made_from_another, "launch_template_version") == {
        "ImageId": "ami-2",
        "InstanceType": "t3.small",
        "KeyName": "bakehouse",
    }


def version_made_from_nothing(client: Any) -> dict[str, str]:
    ec2 = client("ec2")
    first = {"ImageId": "ami-1", "InstanceType": "t3.small"}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=first)
    made = ec2.create_launch_template_version(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": "ami-2"}
    )
    return dict(made["LaunchTemplateVersion"]["LaunchTemplateData"])


def test_a_version_without_a_source_has_only_what_is_said(ask_moto: Ask) -> None:
    assert ask_moto(version_made_from_nothing, "launch_template_version") == {"ImageId": "ami-2"}


def user_data_of_a_launch_from_the_second_version(client: Any) -> str:
    import base64

    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    script = base64.b64encode(b"#!/bin/sh").decode()
    data = {"ImageId": image, "UserData": script}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image})
    ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "web", "Version": "2"}
    try:
        started = ec2.run_instances(LaunchTemplate=template, MinCount=1, MaxCount=1)
    except Exception as error:
        return type(error).__name__
    instance = started["Instances"][0]["InstanceId"]
    said = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")
    from moto.backends import get_backend
    from moto.core.types import Base64EncodedString

    record = get_backend("ec2")["123456789012"]["us-east-1"].get_instance(instance)
    assert said["UserData"]["Value"] == script
    return "wrapped" if isinstance(record.user_data, Base64EncodedString) else "raw"


def test_moto_leaves_the_user_data_of_a_new_version_raw(ask_moto: Ask) -> None:
    assert ask_moto(user_data_of_a_launch_from_the_second_version) != "wrapped"


def test_the_lab_keeps_user_data_so_that_an_instance_can_have_it(ask_moto: Ask) -> None:
    answer = ask_moto(user_data_of_a_launch_from_the_second_version, "launch_template_version")
    assert answer == "wrapped"


def secret_after_its_current_label_moved(client: Any) -> str:
    secrets = client("secretsmanager")
    old = secrets.create_secret(Name="app", SecretString="old")["VersionId"]
    new = secrets.put_secret_value(
        SecretId="app", SecretString="new", VersionStages=["AWSPENDING"]
    )["VersionId"]
    assert secrets.get_secret_value(SecretId="app")["SecretString"] == "old"
    secrets.update_secret_version_stage(
        SecretId="app",
        VersionStage="AWSCURRENT",
        RemoveFromVersionId=old,
        MoveToVersionId=new,
    )
    return str(secrets.get_secret_value(SecretId="app")["SecretString"])


def test_moto_gives_the_old_secret_after_the_label_moved(ask_moto: Ask) -> None:
    assert ask_moto(secret_after_its_current_label_moved) == "old"


def test_the_lab_gives_the_current_secret(ask_moto: Ask) -> None:
    assert ask_moto(secret_after_its_current_label_moved, "secret_stage") == "new"


def versions_after_the_second_was_deleted(client: Any) -> dict[str, Any]:
    ec2 = client("ec2")
    name = {"LaunchTemplateName": "web"}
    data = {"LaunchTemplateData": {"ImageId": "ami-1"}}
    ec2.create_launch_template(**name, **data)
    for _ in range(20):
        ec2.create_launch_template_version(**name, **data)
    try:
        said = ec2.delete_launch_template_versions(**name, Versions=["2", "21", "1", "99"])
    except NotImplementedError as error:
        return {"not there": str(error)}
    new = ec2.create_launch_template_version(**name, **data)["LaunchTemplateVersion"]
    latest = ec2.describe_launch_template_versions(**name, Versions=["$Latest"])
    ec2.delete_launch_template_versions(**name, Versions=[str(new["VersionNumber"])])
    left = ec2.describe_launch_template_versions(**name, MaxResults=200)["LaunchTemplateVersions"]
    none = ec2.describe_launch_template_versions(**name, MinVersion="2", MaxVersion="2")
    again = ec2.describe_launch_template_versions(**name, Versions=["$Latest"])
    failed = said["UnsuccessfullyDeletedLaunchTemplateVersions"]
    return {
        "deleted": [
            one["VersionNumber"] for one in said["SuccessfullyDeletedLaunchTemplateVersions"]
        ],
        "refused": [one["VersionNumber"] for one in failed],
        "new": new["VersionNumber"],
        "latest": latest["LaunchTemplateVersions"][0]["VersionNumber"],
        "left": sorted(one["VersionNumber"] for one in left),
        "second": len(none["LaunchTemplateVersions"]),
        "latest again": again["LaunchTemplateVersions"][0]["VersionNumber"],
    }


def test_moto_cannot_delete_a_version(ask_moto: Ask) -> None:
    said = ask_moto(versions_after_the_second_was_deleted)
    assert "delete_launch_template_versions" in said["not there"]


def test_the_lab_deletes_versions_and_gives_no_number_twice(ask_moto: Ask) -> None:
    said = ask_moto(versions_after_the_second_was_deleted, "launch_template_versions_deleted")
    assert said == {
        "deleted": [2, 21],
        "refused": [1, 99],
        "new": 22,
        "latest": 22,
        "left": [1, *range(3, 21)],
        "second": 0,
        "latest again": 20,
    }
