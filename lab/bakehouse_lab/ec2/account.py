"""What the account has before anybody calls: a default VPC of its own, and base images."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.ec2.models.amis import Ami
from moto.ec2.models.vpcs import VPCBackend

from bakehouse_lab.ec2.ami_record import AmiRecord
from bakehouse_lab.settings import BASE_IMAGES

if TYPE_CHECKING:
    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Podman

# The account under which Debian publishes its images.
DEBIAN = "136693071363"


def use(lab: Lab) -> None:
    """Give the default VPC the lab's own range: two labs cannot share a network."""
    moto_create = VPCBackend.create_vpc

    def create_vpc(self: Any, cidr_block: str, *args: Any, **wanted: Any) -> Any:
        if wanted.get("is_default"):
            cidr_block = lab.settings.default_vpc_cidr
        return moto_create(self, cidr_block, *args, **wanted)

    VPCBackend.create_vpc = create_vpc


def base_images(podman: Podman) -> dict[str, tuple[str, datetime]]:
    """The base images on this machine: distribution -> (container image, when it was made)."""
    return {
        distribution: (image, _created(podman, image))
        for distribution, image in BASE_IMAGES.items()
        if podman.has_image(image)
    }


def base_record(distribution: str, created: datetime) -> AmiRecord:
    """The base AMI of a distribution, named as Debian names its own.

    Its id follows from its name: a template that names it stays right when the lab restarts.

    >>> record = base_record("debian-13", datetime(2026, 11, 20, 7, 5, tzinfo=UTC))
    >>> record.name
    'debian-13-amd64-20261120-0705'
    """
    name = f"{distribution}-amd64-{created:%Y%m%d-%H%M}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return AmiRecord(
        id=f"ami-{digest[:17]}",
        name=name,
        description=f"{distribution.replace('-', ' ').title()} (the lab's own build)",
        created=created.replace(tzinfo=None).isoformat(),
        snapshot_id=f"snap-{digest[17:34]}",
    )


def add_base(backend: Any, record: AmiRecord, image: str) -> None:
    """Put a base AMI into moto's records; hold the world's lock."""
    if record.id not in backend.amis:
        ami = record.restore(backend, Ami, owner_id=DEBIAN, public=True)
        ami.container_image = image


def _created(podman: Podman, image: str) -> datetime:
    said = podman.run("image", "inspect", "--format", "{{.Created.Unix}}", image)
    return datetime.fromtimestamp(int(said), UTC)
