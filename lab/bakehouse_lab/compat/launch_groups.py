"""RunInstances leaves an instance without security groups unless they are named at the top."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend

NAME = "RunInstances forgets the network interface's groups, and the VPC's default group"


def mend() -> None:
    """Take the primary interface's groups, else the default group of the subnet's VPC."""
    moto_run = InstanceBackend.run_instances

    def run_instances(
        self: Any, image_id: str, count: int, user_data: Any, names: list[str], **wanted: Any
    ) -> Any:
        if not names and not wanted.get("security_group_ids"):
            wanted["security_group_ids"] = _groups(self, wanted)
        return moto_run(self, image_id, count, user_data, names, **wanted)

    InstanceBackend.run_instances = run_instances


def _groups(backend: Any, wanted: dict[str, Any]) -> list[str]:
    interfaces = wanted.get("nics") or []
    primary: dict[str, Any] = next(
        (nic for nic in interfaces if int(nic.get("DeviceIndex", 0)) == 0), {}
    )
    if groups := primary.pop("Groups", None):
        return list(groups)
    subnet = wanted.get("subnet_id") or primary.get("SubnetId")
    if not subnet:
        return []
    vpc = backend.get_subnet(subnet).vpc_id
    return [group.id for group in backend.groups[vpc].values() if group.name == "default"]
