"""An address in a VPC, and a certificate, for what AWS runs there on a customer's behalf.

Databases and caches are no instances, but they stand in the same subnets: moto's own allocator
gives them an address there, so that none is given twice.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse_lab import authority

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bakehouse_lab.settings import Settings
    from bakehouse_lab.world import World


class NoAddressLeft(RuntimeError):
    """None of the subnets has a free address; nothing was taken."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: one address of one subnet."""

    ip: str
    subnet_id: str
    vpc_id: str
    vpc_cidr: str


def take(world: World, subnet_ids: Iterable[str], owner: str, zone: str | None = None) -> Place:
    """A free address in one of the subnets, of availability zone `zone` where there is one.

    No subnets mean those of the default VPC, as on AWS. Raises NoAddressLeft.
    """
    with world.lock:
        ec2, wanted = world.backend("ec2"), set(subnet_ids)
        known = {each.id: each for zone in ec2.subnets.values() for each in zone.values()}
        subnets = [each for id, each in known.items() if id in wanted]
        if not wanted:
            subnets = list(ec2.get_default_subnets().values())
        for subnet in sorted(subnets, key=lambda each: each.availability_zone != zone):
            try:
                ip = subnet.get_available_subnet_ip(owner)
            except (StopIteration, RuntimeError):  # how moto says that a subnet is full
                continue
            return Place(ip, subnet.id, subnet.vpc_id, ec2.vpcs[subnet.vpc_id].cidr_block)
    raise NoAddressLeft(f"no free address for {owner}; tried {[each.id for each in subnets]}")


def default_groups(world: World, vpc_id: str) -> tuple[str, ...]:
    """The security groups of what names none: its VPC's own."""
    with world.lock:
        group = world.backend("ec2").get_default_security_group(vpc_id)
    return (group.id,) if group else ()


def give_back(world: World, place: Place) -> None:
    """Let others have the address; nothing happens when its subnet is gone."""
    with world.lock:
        for subnets in world.backend("ec2").subnets.values():
            if place.subnet_id in subnets:
                subnets[place.subnet_id].del_subnet_ip(place.ip)


def certify(settings: Settings, folder: Path, names: Sequence[str]) -> Path:
    """Put server.pem, server.key and ca.pem for `names` into `folder`, to be mounted; returns it.

    Only root reads the folder: the server's start script hands the key to the server's user.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ca = authority.folder_of(settings)
    made = authority.certificate_for(ca, names)
    write_secret(folder / "server.pem", made.certificate)
    write_secret(folder / "server.key", made.key)
    shutil.copy(ca / authority.CERTIFICATE, folder / authority.CERTIFICATE)
    return folder


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, from its first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
