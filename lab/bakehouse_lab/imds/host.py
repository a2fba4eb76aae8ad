"""What the metadata service knows of one instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Access:
    """The instance's metadata options: who may read, and from how far."""

    enabled: bool = True
    tokens_required: bool = False
    hop_limit: int = 1
    tags_shown: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """The instance profile and its role; a profile without a role gives no credentials."""

    arn: str
    id: str
    role: str | None
    role_arn: str | None


@dataclass(frozen=True, slots=True)
class Interface:
    """The first network interface, and the network it is in."""

    id: str
    mac: str
    subnet_id: str
    subnet_cidr: str
    vpc_id: str
    vpc_cidr: str
    group_ids: tuple[str, ...]
    group_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """One instance. `launched` is as the identity document shows it: 2026-01-31T12:00:00Z."""

    id: str
    account: str
    region: str
    zone: str
    zone_id: str
    image: str
    type: str
    architecture: str
    address: str
    hostname: str
    reservation: str
    launch_index: int
    life_cycle: str
    launched: str
    root_device: str
    interface: Interface
    access: Access = field(default_factory=Access)
    public_address: str | None = None
    public_hostname: str | None = None
    key_name: str | None = None
    public_key: str | None = None
    user_data: bytes | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    profile: Profile | None = None
    scaling_state: str | None = None  # the lifecycle state of Auto Scaling, None outside a group
    pool_state: str = "Stopped"  # or Running: how the instances of its group's warm pool wait
