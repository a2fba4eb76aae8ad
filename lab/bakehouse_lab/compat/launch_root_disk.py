"""RunInstances gives every instance a root disk at /dev/sda1, whatever its image says."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend

NAME = "RunInstances puts the root disk at /dev/sda1, and refuses a mapping without a size"

# Debian's official images: 8 GiB, gp3 where the caller does not say otherwise.
SIZE_GIB = 8
TYPE = "gp3"


def mend() -> None:
    """Map the image's own root device, and fill what a mapping does not say."""
    moto_run = InstanceBackend.run_instances

    def run_instances(
        self: Any, image_id: str, count: int, user_data: Any, names: list[str], **wanted: Any
    ) -> Any:
        image = self.amis.get(image_id or _template_image(self, wanted))
        if image is not None:
            disks = wanted.get("block_device_mappings") or []
            wanted["block_device_mappings"] = _whole(disks, image.root_device_name)
        return moto_run(self, image_id, count, user_data, names, **wanted)

    InstanceBackend.run_instances = run_instances


def _template_image(backend: Any, wanted: dict[str, Any]) -> str | None:
    asked = wanted.get("launch_template")
    image: str | None = backend._get_template_from_args(asked).image_id if asked else None
    return image


def _whole(disks: list[dict[str, Any]], root: str) -> list[dict[str, Any]]:
    if not any(disk["DeviceName"] == root for disk in disks):
        disks = [{"DeviceName": root, "Ebs": {"DeleteOnTermination": True}}, *disks]
    return [_filled(disk) for disk in disks]


def _filled(disk: dict[str, Any]) -> dict[str, Any]:
    ebs = dict(disk.get("Ebs") or {})
    ebs["VolumeType"] = ebs.get("VolumeType") or TYPE
    if not ebs.get("VolumeSize") and not ebs.get("SnapshotId"):
        ebs["VolumeSize"] = SIZE_GIB
    return {"NoDevice": None, **disk, "Ebs": ebs}
