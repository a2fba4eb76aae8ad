"""Images in the account: what is there, what a bake left, what a finished image must be.

The adapter of `bakehouse.baking.bake` to EC2.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from bakehouse.aws import AwsRefused, told
from bakehouse.images import leftovers
from bakehouse.images.image import DEBIAN_ACCOUNT, ROLE, RUN, Image, newest
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bakehouse.aws import Account
    from bakehouse.images.leftovers import Leftovers


class NoBaseImage(Trouble):
    """There is nothing to bake from; nothing was made."""


class NoNetwork(Trouble):
    """There is nowhere to run the build host; nothing was made."""


class NotFitToServe(Trouble):
    """An image was baked, but it is public or not encrypted; the bake takes it away."""


class Images:
    """What `bakehouse.baking.bake` asks of the account."""

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

    def network(self, subnet: str) -> tuple[str, str]:
        """The VPC that a host will run in, and its address range, as a CIDR.

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
        return found[0]["VpcId"], found[0]["CidrBlock"]

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

    def leftovers(self, whose: leftovers.Whose) -> Leftovers:
        """What those runs left."""
        return leftovers.find(self._account, whose)

    def remove(self, left: Leftovers, run: str) -> None:
        """Take it away."""
        leftovers.remove(self._account, left, run)

    def open_group(self, run: str, purpose: str, network: str, sources: Sequence[str]) -> str:
        """Make a security group that lets `sources` (CIDRs) in over SSH; returns its id.

        `network` is a VPC's id. The group carries the run's name from its first moment.
        """
        tags = [_key(RUN, run), _key("Name", f"bakehouse-{run}")]
        with told():
            made = self._account.ec2.create_security_group(
                GroupName=f"bakehouse-{run}-{purpose}",
                Description="Of one bake; goes with it",
                VpcId=network,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
            )["GroupId"]
            self._account.ec2.authorize_security_group_ingress(
                GroupId=made,
                IpPermissions=[
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "IpRanges": [{"CidrIp": source} for source in sources],
                    }
                ],
            )
        return str(made)

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        """Write tags on an image and its snapshots."""
        with told():
            self._account.ec2.create_tags(
                Resources=[image.id, *image.snapshots],
                Tags=[_key(key, value) for key, value in tags.items()],
            )

    def copy_from(self, region: str, image: Image, tags: Mapping[str, str], key: str) -> str:
        """Begin a copy of an image of that region here; returns the copy's id.

        `key` is a key of KMS here; empty is the region's own. The copy and its snapshots carry
        `tags` from their first moment. A name is an image's alone: with a key it is another one.
        """
        other = hashlib.sha256(key.encode()).hexdigest()[:6]
        chosen = {"KmsKeyId": key} if key else {}
        listed = [_key(name, value) for name, value in tags.items()]
        with told():
            made = self._account.ec2.copy_image(
                Name=f"{image.name}-{other}" if key else image.name,
                SourceImageId=image.id,
                SourceRegion=region,
                Encrypted=True,
                TagSpecifications=[
                    {"ResourceType": kind, "Tags": listed} for kind in ("image", "snapshot")
                ],
                **chosen,
            )
        return str(made["ImageId"])

    def locked_by(self, image: Image) -> str:
        """The KMS key of its disk that is AWS's own, which no other account can use."""
        with told():
            found = self._account.ec2.describe_snapshots(SnapshotIds=list(image.snapshots))
            for key in {one["KmsKeyId"] for one in found["Snapshots"] if "KmsKeyId" in one}:
                if self._account.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyManager"] == "AWS":
                    return str(key)
        return ""

    def share(self, image: Image, accounts: Sequence[str], *, end: bool = False) -> None:
        """Let accounts launch from it, or let them no longer."""
        users = [{"UserId": account} for account in accounts]
        with told():
            self._account.ec2.modify_image_attribute(
                ImageId=image.id, LaunchPermission={"Remove" if end else "Add": users}
            )

    def _describe(self, **query: Any) -> list[Image]:
        with told():
            found = self._account.ec2.describe_images(**query)["Images"]
        return [_image(record) for record in found]


def _key(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value}


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}


def _image(record: dict[str, Any]) -> Image:
    return Image(
        id=record["ImageId"],
        name=record.get("Name", ""),
        created=record.get("CreationDate", ""),
        tags=leftovers.tags_of(record),
        state=record["State"],
        snapshots=leftovers.snapshots_of(record),
        public=record.get("Public", False),
        imdsv2=record.get("ImdsSupport") == "v2.0",
    )
