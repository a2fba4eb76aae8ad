"""What the API calls about AMIs write down; `images` does the work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import convert_tag_spec, random_ami_id, random_snapshot_id

from bakehouse_lab.ec2.ami_record import AmiRecord
from bakehouse_lab.ec2.lifecycle import State

if TYPE_CHECKING:
    from collections.abc import Callable


def extend(kick: Callable[[], None]) -> None:
    """Make moto's calls ask for images, and `kick` after each."""
    Ami.block_device_mappings = property(_block_device_mappings)
    Ami.copied_from, Ami.no_reboot, Ami.container_image = "", False, ""

    def kicking(call: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
        def called(response: Any) -> ActionResult:
            result = call(response)
            kick()
            return result

        return called

    AmisResponse.create_image = kicking(_create_image)
    AmisResponse.copy_image = kicking(_copy_image)
    AmisResponse.register_image = kicking(_register_image)
    AmisResponse.deregister_image = kicking(AmisResponse.deregister_image)
    AmisResponse.enable_image_deprecation = kicking(_enable_image_deprecation)
    AmisResponse.disable_image_deprecation = kicking(_disable_image_deprecation)


def _create_image(response: Any) -> ActionResult:
    backend, name = response.ec2_backend, response._get_param("Name")
    response.error_on_dryrun()
    instance = backend.get_instance(response._get_param("InstanceId"))
    if State(instance.state) not in (State.RUNNING, State.STOPPED):
        raise EC2ClientError(
            "IncorrectState",
            f"Instance {instance.id} is {instance.state}, not 'running' or 'stopped'",
        )
    disk = _root_volume(instance)
    ami = _new(
        response,
        name,
        size_gib=disk.size if disk else 8,
        volume_type=(disk and disk.volume_type) or "gp3",
        encrypted=bool(disk and disk.encrypted),
        source_instance=instance.id,
        source_image=instance.image_id,
    )
    ami.no_reboot = response._get_bool_param("NoReboot", False)
    return ActionResult({"ImageId": ami.id})


def _copy_image(response: Any) -> ActionResult:
    backend = response.ec2_backend
    response.error_on_dryrun()
    if (region := response._get_param("SourceRegion")) not in (None, backend.region_name):
        raise EC2ClientError(
            "InvalidRequest", f"The lab has one region, {backend.region_name}; {region} is another"
        )
    source = backend.describe_images(ami_ids=[response._get_param("SourceImageId")])[0]
    tags = {}
    if response._get_bool_param("CopyImageTags", False):
        tags = {tag["key"]: tag["value"] for tag in source.get_tags()}
    ami = _copy_of(response, source, response._get_param("Name") or source.name, tags)
    return ActionResult({"ImageId": ami.id})


def _register_image(response: Any) -> ActionResult:
    """From a snapshot of an AMI that is still there: a snapshot alone has no disk in the lab."""
    response.error_on_dryrun()
    disks = response._get_param("BlockDeviceMappings", [])
    snapshots = {disk.get("Ebs", {}).get("SnapshotId") for disk in disks} - {None}
    sources = [a for a in response.ec2_backend.amis.values() if a.ebs_snapshot.id in snapshots]
    if not sources:
        raise EC2ClientError(
            "InvalidSnapshot.NotFound",
            "The lab registers images from the snapshot of an AMI that it still has; it was given "
            f"{', '.join(sorted(snapshots)) or 'no snapshot'}",
        )
    ami = _copy_of(response, sources[0], response._get_param("Name"), {})
    return ActionResult({"ImageId": ami.id})


def _enable_image_deprecation(response: Any) -> ActionResult:
    response.error_on_dryrun()
    said = str(response._get_param("DeprecateAt")).replace("Z", "+00:00")
    when = datetime.fromisoformat(said).astimezone(UTC).replace(second=0, microsecond=0)
    _own(response).deprecation_time = f"{when:%Y-%m-%dT%H:%M:%S}.000Z"
    return ActionResult({"Return": True})


def _disable_image_deprecation(response: Any) -> ActionResult:
    response.error_on_dryrun()
    _own(response).deprecation_time = None
    return ActionResult({"Return": True})


def _own(response: Any) -> Any:
    return response.ec2_backend.describe_images(ami_ids=[response._get_param("ImageId")])[0]


def _copy_of(response: Any, source: Any, name: str, tags: dict[str, str]) -> Any:
    if source.state != "available" or not source.container_image:
        raise EC2ClientError("InvalidAMIID.Unavailable", f"Image {source.id} is {source.state}")
    ami = _new(
        response,
        name,
        tags,
        size_gib=source.disk_size,
        volume_type=source.disk_type,
        encrypted=source.disk_encrypted or response._get_bool_param("Encrypted", False),
        source_image=source.id,
    )
    ami.copied_from = source.container_image
    return ami


def _new(response: Any, name: str, tags: dict[str, str] | None = None, **more: Any) -> Any:
    backend = response.ec2_backend
    _check_name(backend, name)
    said = convert_tag_spec(response._get_param("TagSpecifications", []))
    record = AmiRecord(
        id=random_ami_id(),
        name=name,
        created=datetime.now(UTC).replace(tzinfo=None).isoformat(),
        snapshot_id=random_snapshot_id(),
        description=response._get_param("Description") or "",
        tags={**(tags or {}), **said.get("image", {})},
        snapshot_tags=said.get("snapshot", {}),
        **more,
    )
    ami = record.restore(backend, Ami)
    ami.state = "pending"
    return ami


def _check_name(backend: Any, name: str | None) -> None:
    if not name or not 3 <= len(name) <= 128:
        raise EC2ClientError(
            "InvalidAMIName.Malformed",
            f"AMI names must be between 3 and 128 characters long; this one is {name!r}",
        )
    for ami in backend.amis.values():
        if ami.name == name and ami.owner_id == backend.account_id and ami.state != "failed":
            raise EC2ClientError(
                "InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {ami.id}"
            )


def _root_volume(instance: Any) -> Any:
    mapped = instance.block_device_mapping.get(instance.root_device_name)
    return instance.ec2_backend.volumes.get(mapped.volume_id) if mapped else None


def _block_device_mappings(ami: Any) -> list[dict[str, Any]]:
    disk = {
        "SnapshotId": ami.ebs_snapshot.id,
        "VolumeSize": ami.disk_size,
        "VolumeType": ami.disk_type,
        "DeleteOnTermination": True,
        "Encrypted": ami.disk_encrypted,
    }
    return [{"DeviceName": ami.root_device_name, "Ebs": disk}]
