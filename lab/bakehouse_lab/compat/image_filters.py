"""DescribeImages fails for filters that packer, the modules and people use."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.amis import Ami

NAME = "DescribeImages fails for filters such as ena-support and block-device-mapping.*"


def mend() -> None:
    """Answer from what the image shows."""
    moto_value = Ami.get_filter_value

    def get_filter_value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name.startswith("block-device-mapping."):
            return _disk(self, filter_name.partition(".")[2])
        if read := SHOWN.get(filter_name):
            return read(self)
        return moto_value(self, filter_name, method_name)

    Ami.get_filter_value = get_filter_value


SHOWN: dict[str, Any] = {
    "creation-date": lambda ami: f"{ami.creation_date:%Y-%m-%dT%H:%M:%S}.000Z",
    "description": lambda ami: ami.description or "",
    "ena-support": lambda ami: str(getattr(ami, "ena_support", True)).lower(),
    "hypervisor": lambda ami: ami.hypervisor or "xen",
    "image-type": lambda ami: ami.image_type,
    "manifest-location": lambda ami: ami.image_location or f"{ami.owner_id}/{ami.name}",
    "root-device-name": lambda ami: ami.root_device_name,
    "root-device-type": lambda ami: ami.root_device_type,
    "source-image-id": lambda ami: getattr(ami, "source_image_id", None) or "",
    "sriov-net-support": lambda ami: ami.sriov,
}

DISK = {
    "delete-on-termination": "DeleteOnTermination",
    "encrypted": "Encrypted",
    "snapshot-id": "SnapshotId",
    "volume-size": "VolumeSize",
    "volume-type": "VolumeType",
}


def _disk(ami: Any, what: str) -> list[str]:
    if what == "device-name":
        return [disk["DeviceName"] for disk in ami.block_device_mappings]
    shown = [disk["Ebs"].get(DISK[what], "") for disk in ami.block_device_mappings]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in shown]
