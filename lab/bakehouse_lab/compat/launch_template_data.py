"""RunInstances forgets half of what a launch template says, and gives a profile to one instance."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend
from moto.ec2.utils import convert_tag_spec

NAME = (
    "RunInstances forgets a launch template's profile, metadata options, interfaces, "
    "disks, shutdown behaviour and volume tags"
)

# What the template calls it, and what moto's backend calls it.
TAKEN = {
    "MetadataOptions": "metadata_options",
    "NetworkInterfaces": "nics",
    "SecurityGroupIds": "security_group_ids",  # else `launch_groups` takes the default group
    "InstanceInitiatedShutdownBehavior": "instance_initiated_shutdown_behavior",
    "DisableApiTermination": "disable_api_termination",
    "DisableApiStop": "disable_api_stop",
    "EbsOptimized": "ebs_optimized",
}


def mend() -> None:
    """Fill what the call does not say from the template; what it says wins, as on AWS.

    Mended after `launch_subnet`, so that it runs before it: the template may name the subnet.
    """
    moto_run = InstanceBackend.run_instances

    def run_instances(
        self: Any, image_id: str, count: int, user_data: Any, names: list[str], **wanted: Any
    ) -> Any:
        data: dict[str, Any] = {}
        said = [wanted.get(f"iam_instance_profile_{by}") for by in ("name", "arn")]
        if asked := wanted.get("launch_template"):
            data = dict(self._get_template_from_args(asked).data)
            if any(said):
                data.pop("IamInstanceProfile", None)
            _fill(wanted, data)
        reservation = moto_run(self, image_id, count, user_data, names, **wanted)
        if profile := data.get("IamInstanceProfile"):
            _associate(self, reservation.instances, profile.get("Name"), profile.get("Arn"))
        elif any(said):
            _associate(self, reservation.instances[1:], *said)  # moto does so for the first
        return reservation

    InstanceBackend.run_instances = run_instances


def _fill(wanted: dict[str, Any], data: dict[str, Any]) -> None:
    for theirs, motos in TAKEN.items():
        if theirs in data and not wanted.get(motos):
            wanted[motos] = data[theirs]
    if wanted.get("subnet_id"):
        # An interface may be given by the template, its subnet by the caller (an ASG does so).
        wanted["nics"] = [
            {**nic, "SubnetId": wanted["subnet_id"]} for nic in wanted.get("nics") or []
        ]
    if "block_device_mappings" not in wanted and (disks := data.get("BlockDeviceMappings")):
        wanted["block_device_mappings"] = [{"NoDevice": None, "Ebs": {}, **disk} for disk in disks]
    if data.get("Monitoring", {}).get("Enabled"):
        wanted["monitoring_state"] = "enabled"
    tags = wanted.setdefault("tags", {})
    for kind, said in convert_tag_spec(data.get("TagSpecifications", [])).items():
        tags[kind] = {**said, **tags.get(kind, {})}


def _associate(backend: Any, instances: list[Any], name: str | None, arn: str | None) -> None:
    for instance in instances:
        if instance.id not in backend.iam_instance_profile_associations:
            backend.associate_iam_instance_profile(instance.id, name, arn)
