"""moto's records of an instance, read under the lock and copied into a `Host`."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from bakehouse_lab.imds.credentials import Keys
from bakehouse_lab.imds.host import Access, Host, Interface, Profile

if TYPE_CHECKING:
    from bakehouse_lab.world import World

TERMINATED = 48


class Records:
    """What the metadata service reads and writes in the world."""

    def __init__(self, world: World) -> None:
        """Read from `world`."""
        self._world = world

    def find(self, address: str) -> Host | None:
        """The instance that has `address`, or None when none has."""
        with self._world.lock:
            ec2 = self._world.backend("ec2")
            for reservation in ec2.reservations.values():
                for instance in reservation.instances:
                    if instance.private_ip == address and instance.state_code != TERMINATED:
                        return self._host(ec2, reservation.id, instance)
        return None

    def assume(self, role_arn: str, session: str, seconds: int) -> Keys:
        """Real credentials of the role from STS, under which the lab knows the caller."""
        with self._world.lock:
            role = self._world.backend("sts", "aws").assume_role(
                region_name="us-east-1",
                role_session_name=session,
                role_arn=role_arn,
                policy="",
                duration=seconds,
                external_id="",
            )
        return Keys(role.access_key_id, role.secret_access_key, role.session_token)

    def _host(self, ec2: Any, reservation: str, instance: Any) -> Host:
        subnet = instance.nics[0].subnet
        key = ec2.key_pairs.get(instance.key_name)
        return Host(
            id=instance.id,
            account=instance.owner_id,
            region=ec2.region_name,
            zone=subnet.availability_zone,
            zone_id=subnet.availability_zone_id,
            image=instance.image_id,
            type=instance.instance_type,
            architecture=instance.architecture,
            address=instance.private_ip,
            hostname=instance.private_dns_name,
            reservation=reservation,
            launch_index=int(instance.ami_launch_index),
            life_cycle=instance.lifecycle or "on-demand",
            launched=instance.launch_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            root_device=instance.root_device_name or "/dev/xvda",
            interface=_interface(ec2, instance.nics[0]),
            access=_access(instance.metadata_options),
            public_address=instance.public_ip,
            public_hostname=instance.public_dns_name,
            key_name=key.key_name if key else None,
            public_key=key.public_key.strip() if key else None,
            user_data=_bytes(instance.user_data),
            tags={tag["key"]: tag["value"] for tag in instance.get_tags()},
            profile=_profile(ec2.iam_instance_profile_associations.get(instance.id)),
            **self._scaling(instance.id),
        )

    def _scaling(self, instance_id: str) -> dict[str, str]:
        found = self._world.backend("autoscaling").describe_auto_scaling_instances([instance_id])
        for member in found:
            pool = member.auto_scaling_group.warm_pool
            state = str(member.lifecycle_state)
            return {"scaling_state": state, **({"pool_state": pool.state} if pool else {})}
        return {}


def _interface(ec2: Any, nic: Any) -> Interface:
    groups = sorted(nic.group_set, key=lambda group: str(group.id))
    return Interface(
        id=nic.id,
        mac=nic.mac_address,
        subnet_id=nic.subnet.id,
        subnet_cidr=nic.subnet.cidr_block,
        vpc_id=nic.subnet.vpc_id,
        vpc_cidr=ec2.get_vpc(nic.subnet.vpc_id).cidr_block,
        group_ids=tuple(group.id for group in groups),
        group_names=tuple(group.name for group in groups),
    )


def _access(options: Any) -> Access:
    return Access(
        enabled=options.http_endpoint != "disabled",
        tokens_required=options.http_tokens == "required",
        hop_limit=int(options.http_put_response_hop_limit),
        tags_shown=options.instance_metadata_tags == "enabled",
    )


def _profile(association: Any) -> Profile | None:
    if association is None:
        return None
    profile = association.iam_instance_profile
    role = next(iter(profile.roles), None)
    return Profile(profile.arn, profile.id, role and role.name, role and role.arn)


def _bytes(user_data: Any) -> bytes | None:
    """User data as it was before the client encoded it; it need not be text."""
    if not user_data:
        return None
    return b64decode(str(user_data))
