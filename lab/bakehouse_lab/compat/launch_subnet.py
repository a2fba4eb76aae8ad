"""RunInstances without a subnet gives a random address that lies in no subnet at all."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend

NAME = "RunInstances without a subnet gives an address outside every VPC"


def mend() -> None:
    """Choose the default subnet of the zone that was asked for, else of the first zone.

    Mended after `launch_groups`, so that it runs before it: the groups follow from the subnet.
    """
    moto_run = InstanceBackend.run_instances

    def run_instances(
        self: Any, image_id: str, count: int, user_data: Any, names: list[str], **wanted: Any
    ) -> Any:
        interfaces = wanted.get("nics") or []
        if not wanted.get("subnet_id") and not any(
            nic.get("SubnetId") or nic.get("NetworkInterfaceId") for nic in interfaces
        ):
            wanted["subnet_id"] = _default_subnet(self, wanted.get("placement"))
        return moto_run(self, image_id, count, user_data, names, **wanted)

    InstanceBackend.run_instances = run_instances


def _default_subnet(backend: Any, zone: str | None) -> str:
    subnets = {
        name: subnet
        for name, subnet in backend.get_default_subnets().items()
        if backend.get_vpc(subnet.vpc_id).is_default
    }
    chosen = zone or min(subnets, default=None)
    if chosen not in subnets:
        raise EC2ClientError(
            "MissingInput",
            f"No subnets found for the default VPC in {chosen or 'any zone'}. "
            "Please specify a subnet.",
        )
    subnet_id: str = subnets[chosen].id
    return subnet_id
