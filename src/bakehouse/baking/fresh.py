"""Fresh hosts of an image, launched as a group would launch them but in no group: the adapter of
`bakehouse.baking.verify` to EC2 and Auto Scaling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bakehouse.aws import told
from bakehouse.images.image import RUN
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse.aws import Account

# Of a launch template's data: what makes a host of the environment, and not one of the fleet.
_TAKEN = ("InstanceType", "UserData", "MetadataOptions", "IamInstanceProfile")
# A host with a Role is in the inventory, and would be worked on.
_NOT_TAKEN = {"Name", "Role"}


class NowhereToVerify(Trouble):
    """There is no group whose environment a fresh host could boot in; nothing was made."""


@dataclass(frozen=True, slots=True)
class Like:
    """The group that fresh hosts are launched like."""

    group: str
    subnet: str
    network: str  # the VPC
    cidr: str
    security_groups: tuple[str, ...]
    launch: Mapping[str, Any] = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A fresh host."""

    id: str
    state: str
    address: str


class Fresh:
    """Launches hosts and looks at them; they go with the run that they are of."""

    def __init__(self, account: Account) -> None:
        """Nothing is asked before the first call."""
        self._account = account

    def like(self, group: str) -> Like:
        """How hosts of `group` are launched. Raises NowhereToVerify."""
        with told():
            found = self._account.autoscaling.describe_auto_scaling_groups(
                AutoScalingGroupNames=[group]
            )["AutoScalingGroups"]
        template = found[0].get("LaunchTemplate") if found else None
        if not template:
            raise NowhereToVerify(
                f"There is no group {group} with a launch template in {self._account.region}, "
                "so no environment in which a fresh host of the image could be tested.",
                "scripts/bake --like GROUP, or --no-verify for an image that no channel takes",
            )
        with told():
            data = self._account.ec2.describe_launch_template_versions(
                LaunchTemplateId=template["LaunchTemplateId"],
                Versions=[template.get("Version", "$Default")],
            )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return self._like(group, found[0], data)

    def _like(self, group: str, record: dict[str, Any], data: dict[str, Any]) -> Like:
        subnet = record["VPCZoneIdentifier"].split(",")[0]
        with told():
            network = self._account.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
            cidr = self._account.ec2.describe_vpcs(VpcIds=[network])["Vpcs"][0]["CidrBlock"]
        interfaces = data.get("NetworkInterfaces") or [{}]
        groups = data.get("SecurityGroupIds") or interfaces[0].get("Groups", [])
        tags = {
            tag["Key"]: tag["Value"]
            for one in data.get("TagSpecifications", [])
            if one["ResourceType"] == "instance"
            for tag in one["Tags"]
        }
        tags |= {tag["Key"]: tag["Value"] for tag in record["Tags"] if tag["PropagateAtLaunch"]}
        tags = {key: value for key, value in tags.items() if key not in _NOT_TAKEN}
        launch = {name: data[name] for name in _TAKEN if name in data}
        return Like(group, subnet, network, cidr, tuple(groups), launch, tags)

    def import_key(self, name: str, public: str) -> None:
        """Let hosts be launched with that key."""
        with told():
            self._account.ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public.encode())

    def launch(
        self, image: str, count: int, run: str, like: Like, group: str, key: str
    ) -> list[str]:
        """Launch hosts; `group` is a security group that lets us in. Returns their ids."""
        tags = {**like.tags, "Name": f"bakehouse-{run}-verify", RUN: run}
        listed = [{"Key": name, "Value": value} for name, value in tags.items()]
        with told():
            made = self._account.ec2.run_instances(
                **like.launch,
                ImageId=image,
                MinCount=count,
                MaxCount=count,
                KeyName=key,
                SubnetId=like.subnet,
                SecurityGroupIds=[*like.security_groups, group],
                TagSpecifications=[
                    {"ResourceType": kind, "Tags": listed} for kind in ("instance", "volume")
                ],
            )
        return [one["InstanceId"] for one in made["Instances"]]

    def see(self, ids: list[str], interface: str) -> list[Seen]:
        """The hosts now; `interface` is private_ip or public_ip."""
        name = {"private_ip": "PrivateIpAddress", "public_ip": "PublicIpAddress"}[interface]
        with told():
            found = self._account.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        records = {one["InstanceId"]: one for page in found for one in page["Instances"]}
        return [
            Seen(id, records[id]["State"]["Name"], records[id].get(name, ""))
            for id in ids
            if id in records
        ]

    def console(self, id: str) -> str:
        """The last lines that a host printed on its console; may be empty."""
        with told():
            said = self._account.ec2.get_console_output(InstanceId=id).get("Output", "")
        return "\n  ".join(said.strip().splitlines()[-8:])
