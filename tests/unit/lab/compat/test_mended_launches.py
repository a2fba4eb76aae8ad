"""RunInstances as moto ships it, and as the lab mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


def how_many_for_one_to_three(client: Any) -> int:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    return len(ec2.run_instances(ImageId=image, MinCount=1, MaxCount=3)["Instances"])


def test_moto_starts_the_least_that_was_asked_for(ask_moto: Ask) -> None:
    assert ask_moto(how_many_for_one_to_three) == 1


def test_the_lab_starts_the_most_that_was_asked_for(ask_moto: Ask) -> None:
    assert ask_moto(how_many_for_one_to_three, "launch_count") == 3


def lies_in_a_subnet(client: Any) -> bool:
    import ipaddress

    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    address = ipaddress.ip_address(instance["PrivateIpAddress"])
    subnets = ec2.describe_subnets()["Subnets"]
    return any(address in ipaddress.ip_network(subnet["CidrBlock"]) for subnet in subnets)


def test_moto_gives_an_address_outside_every_subnet(ask_moto: Ask) -> None:
    assert not ask_moto(lies_in_a_subnet)


def test_the_lab_gives_an_address_of_the_default_subnet(ask_moto: Ask) -> None:
    assert ask_moto(lies_in_a_subnet, "launch_subnet")


def groups_when_none_is_named(client: Any) -> list[str]:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)
    return [group["GroupName"] for group in instance["Instances"][0]["SecurityGroups"]]


def test_moto_starts_an_instance_without_any_group(ask_moto: Ask) -> None:
    assert ask_moto(groups_when_none_is_named) == []


def test_the_lab_gives_it_the_default_group(ask_moto: Ask) -> None:
    assert ask_moto(groups_when_none_is_named, "launch_groups") == ["default"]


def groups_of_the_interface(client: Any) -> bool:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=subnet["VpcId"])[
        "GroupId"
    ]
    interface = {"DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Groups": [group]}
    instance = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface]
    )["Instances"][0]
    return [each["GroupId"] for each in instance["SecurityGroups"]] == [group]


def test_moto_loses_the_groups_of_the_interface(ask_moto: Ask) -> None:
    assert not ask_moto(groups_of_the_interface)


def test_the_lab_keeps_the_groups_of_the_interface(ask_moto: Ask) -> None:
    assert ask_moto(groups_of_the_interface, "launch_groups")


def root_disks(client: Any) -> list[str]:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    from moto.backends import get_backend

    get_backend("ec2")["123456789012"]["us-east-1"].amis[image].root_device_name = "/dev/xvda"
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    return [disk["DeviceName"] for disk in instance["BlockDeviceMappings"]]


def test_moto_puts_the_root_disk_where_the_image_does_not_boot(ask_moto: Ask) -> None:
    assert ask_moto(root_disks) == ["/dev/sda1"]


def test_the_lab_puts_the_root_disk_where_the_image_says(ask_moto: Ask) -> None:
    assert ask_moto(root_disks, "launch_root_disk") == ["/dev/xvda"]


def what_a_template_gives(client: Any) -> dict[str, Any]:
    ec2, iam = client("ec2"), client("iam")
    image = ec2.register_image(Name="image")["ImageId"]
    iam.create_instance_profile(InstanceProfileName="web")
    template = ec2.create_launch_template(
        LaunchTemplateName="web",
        LaunchTemplateData={
            "ImageId": image,
            "IamInstanceProfile": {"Name": "web"},
            "MetadataOptions": {"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "TagSpecifications": [
                {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "disk"}]}
            ],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    started = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template}, MinCount=2, MaxCount=2, SubnetId=subnet
    )["Instances"]
    second = started[1]["InstanceId"]
    shown = ec2.describe_instances(InstanceIds=[second])["Reservations"][0]["Instances"][0]
    ends = ec2.describe_instance_attribute(
        InstanceId=second, Attribute="instanceInitiatedShutdownBehavior"
    )
    return {
        "profile": shown.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2],
        "tokens": shown["MetadataOptions"]["HttpTokens"],
        "tags in metadata": shown["MetadataOptions"]["InstanceMetadataTags"],
        "shutdown": ends["InstanceInitiatedShutdownBehavior"]["Value"],
        "volume tags": sum(len(v.get("Tags", [])) for v in ec2.describe_volumes()["Volumes"]),
    }


def test_moto_forgets_most_of_a_launch_template(ask_moto: Ask) -> None:
    assert ask_moto(what_a_template_gives) == {
        "profile": "",
        "tokens": "optional",
        "tags in metadata": "disabled",
        "shutdown": "stop",
        "volume tags": 0,
    }


def test_the_lab_launches_what_the_template_says(ask_moto: Ask) -> None:
    assert ask_moto(what_a_template_gives, "launch_template_data") == {
        "profile": "web",
        "tokens": "required",
        "tags in metadata": "enabled",
        "shutdown": "terminate",
        "volume tags": 2,
    }


def the_caller_is_heard(client: Any) -> list[Any]:
    ec2, iam = client("ec2"), client("iam")
    image = ec2.register_image(Name="image")["ImageId"]
    for name in ("template", "caller"):
        iam.create_instance_profile(InstanceProfileName=name)
    template = ec2.create_launch_template(
        LaunchTemplateName="web",
        LaunchTemplateData={
            "ImageId": image,
            "IamInstanceProfile": {"Name": "template"},
            "MetadataOptions": {"HttpTokens": "required"},
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    instance = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template},
        IamInstanceProfile={"Name": "caller"},
        MetadataOptions={"HttpTokens": "optional"},
        MinCount=1,
        MaxCount=1,
        SubnetId=ec2.describe_subnets()["Subnets"][0]["SubnetId"],
    )["Instances"][0]
    profile = instance["IamInstanceProfile"]["Arn"].rpartition("/")[2]
    return [profile, instance["MetadataOptions"]["HttpTokens"]]


def test_what_the_call_says_wins_over_the_template(ask_moto: Ask) -> None:
    assert ask_moto(the_caller_is_heard, "launch_template_data") == ["caller", "optional"]


def profiles_of_two_instances(client: Any) -> list[str]:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    client("iam").create_instance_profile(InstanceProfileName="web")
    made = ec2.run_instances(
        ImageId=image, IamInstanceProfile={"Name": "web"}, MinCount=2, MaxCount=2
    )["Instances"]
    seen = ec2.describe_instances(InstanceIds=[one["InstanceId"] for one in made])
    (reservation,) = seen["Reservations"]
    arns = [one.get("IamInstanceProfile", {}).get("Arn", "") for one in reservation["Instances"]]
    return [arn.rpartition("/")[2] for arn in arns]


def test_all_instances_of_a_call_get_its_profile(ask_moto: Ask) -> None:
    assert ask_moto(profiles_of_two_instances, "launch_template_data") == ["web", "web"]


def instances_of_one_token(client: Any) -> int:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    wanted = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "ClientToken": "once"}
    ids = {ec2.run_instances(**wanted)["Instances"][0]["InstanceId"] for _ in range(2)}
    return len(ids)


def test_moto_launches_twice_when_a_client_repeats_itself(ask_moto: Ask) -> None:
    assert ask_moto(instances_of_one_token) == 2


def test_the_lab_launches_once_for_one_client_token(ask_moto: Ask) -> None:
    assert ask_moto(instances_of_one_token, "launch_token") == 1


def after_a_change_of_shutdown_behaviour(client: Any) -> list[Any]:
    ec2 = client("ec2")
    image = ec2.register_image(Name="image")["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])
    group = groups["SecurityGroups"][0]["GroupId"]
    instance = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet["SubnetId"],
        SecurityGroupIds=[group],
    )["Instances"][0]["InstanceId"]
    ec2.modify_instance_attribute(
        InstanceId=instance, InstanceInitiatedShutdownBehavior={"Value": "terminate"}
    )
    shown = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    ends = ec2.describe_instance_attribute(
        InstanceId=instance, Attribute="instanceInitiatedShutdownBehavior"
    )
    return [len(shown["SecurityGroups"]), ends["InstanceInitiatedShutdownBehavior"]["Value"]]


def test_moto_takes_the_groups_away_instead_of_changing_the_behaviour(ask_moto: Ask) -> None:
    assert ask_moto(after_a_change_of_shutdown_behaviour) == [0, "stop"]


def test_the_lab_changes_the_behaviour_and_leaves_the_groups(ask_moto: Ask) -> None:
    assert ask_moto(after_a_change_of_shutdown_behaviour, "instance_attributes") == [1, "terminate"]
