"""Images in the account: what is there, what a bake left, what a finished image must be.

The adapter of `bakehouse.bake` to EC2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse.aws import AwsRefused, told
from bakehouse.image import DEBIAN_ACCOUNT, ROLE, RUN, Image, newest
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from bakehouse.aws import Account


class NoBaseImage(Trouble):
    """There is nothing to bake from; nothing was made."""


class NoNetwork(Trouble):
    """There is nowhere to run the build host; nothing was made."""


class NotFitToServe(Trouble):
    """An image was baked, but it is public or not encrypted; the bake takes it away."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a bake made on the way and should be gone: ids, by kind."""

    instances: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    key_pairs: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(str(self))

    def __str__(self) -> str:
        """All ids, for a person."""
        kinds = (
            self.instances,
            self.images,
            self.snapshots,
            self.volumes,
            self.key_pairs,
            self.security_groups,
        )
        return ", ".join(id for kind in kinds for id in kind)


class Images:
    """What `bakehouse.bake` asks of the account."""

    def __init__(self, account: Account) -> None:
        """Nothing is asked before the first call."""
        self._account = account

    @property
    def region(self) -> str:
        """Where the images are."""
        return self._account.region

    @property
    def endpoint(self) -> str:
        """The endpoint that was configured; empty when it is AWS's own."""
        session = self._account.ec2.meta
        is_aws = session.endpoint_url.rstrip("/").endswith((".amazonaws.com", ".amazonaws.com.cn"))
        return "" if is_aws else str(session.endpoint_url)

    def base(self, distribution: str, id: str | None = None) -> Image:
        """Debian's newest image of `distribution` (debian-13), or the one that is named.

        Raises NoBaseImage, saying what there is.
        """
        if id:
            return self._named_base(id)
        found = self._describe(
            Owners=[DEBIAN_ACCOUNT],
            Filters=[
                _filter("name", f"{distribution}-amd64-*"),
                _filter("architecture", "x86_64"),
                _filter("root-device-type", "ebs"),
                _filter("virtualization-type", "hvm"),
                _filter("state", "available"),
            ],
        )
        if not found:
            raise NoBaseImage(
                f"No image named {distribution}-amd64-* of Debian's account {DEBIAN_ACCOUNT} "
                f"in {self.region}.",
                f"aws ec2 describe-images --owners {DEBIAN_ACCOUNT} "
                "--query 'Images[].Name', or name one: --base ami-...",
            )
        return newest(found)

    def _named_base(self, id: str) -> Image:
        try:
            found = self._describe(ImageIds=[id])
        except AwsRefused as refused:
            raise NoBaseImage(
                f"There is no base image {id} in {self.region}: {refused.args[0]}",
                "leave out --base for Debian's newest",
            ) from refused
        if not found or found[0].state != "available":
            raise NoBaseImage(
                f"The base image {id} is {found[0].state if found else 'not there'}.",
                "leave out --base for Debian's newest",
            )
        return found[0]

    def baked(self) -> list[Image]:
        """Our own images for the role, in any state."""
        return self._describe(Owners=["self"], Filters=[_filter("tag:Role", ROLE)])

    def image(self, id: str) -> Image:
        """One image, as it is now."""
        return self._describe(ImageIds=[id])[0]

    def network(self, subnet: str) -> str:
        """The address range of the VPC that the build host will run in, as a CIDR.

        `subnet` empty is the default VPC. Raises NoNetwork when there is none.
        """
        ec2 = self._account.ec2
        with told():
            if subnet:
                vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
                found = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
            else:
                found = ec2.describe_vpcs(Filters=[_filter("is-default", "true")])["Vpcs"]
        if not found:
            raise NoNetwork(
                f"There is no default VPC in {self.region}, and no --subnet was given.",
                "aws ec2 describe-subnets --query 'Subnets[].[SubnetId,Tags]', "
                "then scripts/bake --subnet subnet-...",
            )
        return str(found[0]["CidrBlock"])

    def harden(self, id: str) -> str:
        """Make IMDSv2 the only way in for every host of the image, and check it is private.

        Returns what could not be had, for a person; empty when all is as it should be. Raises
        NotFitToServe for an image that anyone may use or that lies unencrypted.
        """
        image = self.image(id)
        if image.public or not self._encrypted(image):
            wrong = "public" if image.public else "not encrypted"
            raise NotFitToServe(f"The image came out {wrong}, and was taken away.")
        with told():
            self._account.ec2.modify_image_attribute(ImageId=id, ImdsSupport={"Value": "v2.0"})
        if not self.image(id).imdsv2:
            return "this API took the IMDSv2 mark, and does not show it"
        return ""

    def _encrypted(self, image: Image) -> bool:
        with told():
            found = self._account.ec2.describe_snapshots(SnapshotIds=list(image.snapshots))
        return all(snapshot["Encrypted"] for snapshot in found["Snapshots"])

    def leftovers(self, run: str, key_pair: str, groups: set[str]) -> Leftovers:
        """What is left of a bake: by its tag, its key pair's name, its groups' names."""
        ec2, tagged = self._account.ec2, [_filter(f"tag:{RUN}", run)]
        with told():
            instances = [
                instance["InstanceId"]
                for page in ec2.describe_instances(Filters=tagged)["Reservations"]
                for instance in page["Instances"]
                if instance["State"]["Name"] != "terminated"
            ]
            pairs = ec2.describe_key_pairs(Filters=[_filter("key-name", key_pair)])["KeyPairs"]
            volumes = ec2.describe_volumes(Filters=tagged)["Volumes"]
            found = (
                ec2.describe_security_groups(Filters=[_filter("group-name", *sorted(groups))])
                if groups
                else {"SecurityGroups": []}
            )
        return Leftovers(
            instances=tuple(instances),
            key_pairs=tuple(pair["KeyName"] for pair in pairs),
            security_groups=tuple(group["GroupId"] for group in found["SecurityGroups"]),
            volumes=tuple(v["VolumeId"] for v in volumes if not v.get("Attachments")),
        )

    def half_made(self, run: str, name: str) -> Leftovers:
        """An image, and snapshots, of a bake that did not end well."""
        ec2 = self._account.ec2
        tagged = [_filter(f"tag:{RUN}", run)]
        with told():
            images = ec2.describe_images(Owners=["self"], Filters=[_filter("name", name)])["Images"]
            tagged_snapshots = ec2.describe_snapshots(OwnerIds=["self"], Filters=tagged)[
                "Snapshots"
            ]
        behind = [id for image in images for id in _snapshots(image)]
        return Leftovers(
            images=tuple(image["ImageId"] for image in images),
            snapshots=tuple({*behind, *(s["SnapshotId"] for s in tagged_snapshots)}),
        )

    def remove(self, left: Leftovers) -> None:
        """Take `left` away, in the order in which AWS allows it."""
        ec2 = self._account.ec2
        with told():
            if left.instances:
                ec2.terminate_instances(InstanceIds=list(left.instances))
                ec2.get_waiter("instance_terminated").wait(
                    InstanceIds=list(left.instances), WaiterConfig={"Delay": 3, "MaxAttempts": 100}
                )
            for id in left.images:
                ec2.deregister_image(ImageId=id)
            for id in left.snapshots:
                ec2.delete_snapshot(SnapshotId=id)
            for id in left.volumes:
                ec2.delete_volume(VolumeId=id)
            for name in left.key_pairs:
                ec2.delete_key_pair(KeyName=name)
            for id in left.security_groups:
                ec2.delete_security_group(GroupId=id)

    def _describe(self, **query: Any) -> list[Image]:
        with told():
            found = self._account.ec2.describe_images(**query)["Images"]
        return [_image(record) for record in found]


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}


def _image(record: dict[str, Any]) -> Image:
    return Image(
        id=record["ImageId"],
        name=record.get("Name", ""),
        created=record.get("CreationDate", ""),
        tags={tag["Key"]: tag["Value"] for tag in record.get("Tags", [])},
        state=record["State"],
        snapshots=_snapshots(record),
        public=record.get("Public", False),
        imdsv2=record.get("ImdsSupport") == "v2.0",
    )


def _snapshots(record: dict[str, Any]) -> tuple[str, ...]:
    volumes = (mapping.get("Ebs", {}) for mapping in record.get("BlockDeviceMappings", []))
    return tuple(volume["SnapshotId"] for volume in volumes if "SnapshotId" in volume)
