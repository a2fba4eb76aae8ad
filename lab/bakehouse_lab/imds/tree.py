"""What stands at a path of the metadata service, from what is known of an instance. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.imds.host import Host

# The dated versions that AWS lists. All answer alike here, as they do on AWS but for newer entries.
VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
    "latest",
)

# Where Auto Scaling is taking the instance, by the lifecycle state it is in.
SCALING_TARGETS = {
    "Pending": "InService",
    "InService": "InService",
    "Terminating": "Terminated",
    "Terminated": "Terminated",
    "EnteringStandby": "Standby",
    "Standby": "Standby",
    "Detaching": "Detached",
    "Detached": "Detached",
}


def read(host: Host, path: str, credentials: Callable[[], str], now: str) -> bytes | None:
    """What stands at `path`, which begins with a version; None when nothing does.

    A branch answers with a list of what is below it, branches with a slash at the end.
    `credentials` is called only when the role's keys are what is read. `now` is when the
    profile was last looked at, in the form 2026-01-31T12:00:00Z.
    """
    version, *names = [name for name in path.split("/") if name] or [""]
    if not version:
        return "\n".join(VERSIONS).encode()
    if version not in VERSIONS:
        return None
    node: object = _root(host, credentials, now)
    for name in names:
        if not isinstance(node, dict) or name not in node:
            return None
        node = node[name]
    return _shown(node)


def _shown(node: object) -> bytes:
    if callable(node):
        node = node()
    if isinstance(node, _Keys):
        return node.listing.encode()
    if isinstance(node, dict):
        slash = {name: "/" if isinstance(below, dict) else "" for name, below in node.items()}
        return "\n".join(name + slash[name] for name in node).encode()
    return node if isinstance(node, bytes) else str(node).encode()


class _Keys(dict[str, object]):
    """`public-keys`, the one branch whose list says more than the names below it: `0=name`."""

    def __init__(self, name: str, material: str) -> None:
        super().__init__({"0": {"openssh-key": material}})
        self.listing = f"0={name}"


def _root(host: Host, credentials: Callable[[], str], now: str) -> dict[str, object]:
    root: dict[str, object] = {
        "dynamic": {"instance-identity": {"document": lambda: _identity(host)}},
        "meta-data": _metadata(host, credentials, now),
    }
    if host.user_data is not None:
        root["user-data"] = host.user_data
    return root


def _metadata(host: Host, credentials: Callable[[], str], now: str) -> dict[str, object]:
    groups = "\n".join(host.interface.group_names)
    return {
        "ami-id": host.image,
        "ami-launch-index": host.launch_index,
        "ami-manifest-path": "(unknown)",
        **_autoscaling(host),
        "block-device-mapping": {"ami": host.root_device, "root": host.root_device},
        "events": {"maintenance": {"history": "[]", "scheduled": "[]"}},
        "hostname": host.hostname,
        **_iam(host, credentials, now),
        "instance-action": "none",
        "instance-id": host.id,
        "instance-life-cycle": host.life_cycle,
        "instance-type": host.type,
        "local-hostname": host.hostname,
        "local-ipv4": host.address,
        "mac": host.interface.mac,
        "network": {"interfaces": {"macs": {host.interface.mac: _interface(host)}}},
        "placement": {
            "availability-zone": host.zone,
            "availability-zone-id": host.zone_id,
            "region": host.region,
        },
        "profile": "default-hvm",
        **_public(host),
        "reservation-id": host.reservation,
        "security-groups": groups,
        "services": {"domain": "amazonaws.com", "partition": "aws"},
        **({"tags": {"instance": dict(host.tags)}} if host.access.tags_shown else {}),
    }


def _autoscaling(host: Host) -> dict[str, object]:
    target = _target(host.scaling_state or "", host.pool_state)
    return {"autoscaling": {"target-lifecycle-state": target}} if target else {}


def _target(state: str, pool_state: str) -> str | None:
    """In a warm pool the steady states are `Warmed:Stopped`, `:Running` and `:Terminated`."""
    if not state.startswith("Warmed:"):
        return SCALING_TARGETS.get(state.split(":")[0])
    step = state.split(":")[1]
    return "Warmed:" + {"Pending": pool_state, "Terminating": "Terminated"}.get(step, step)


def _iam(host: Host, credentials: Callable[[], str], now: str) -> dict[str, object]:
    if host.profile is None:
        return {}
    info = {
        "Code": "Success",
        "LastUpdated": now,
        "InstanceProfileArn": host.profile.arn,
        "InstanceProfileId": host.profile.id,
    }
    iam: dict[str, object] = {"info": json.dumps(info, indent=2)}
    if host.profile.role:
        iam["security-credentials"] = {host.profile.role: credentials}
    return {"iam": iam}


def _public(host: Host) -> dict[str, object]:
    found: dict[str, object] = {}
    if host.public_address:
        found |= {"public-hostname": host.public_hostname, "public-ipv4": host.public_address}
    if host.key_name and host.public_key:
        found["public-keys"] = _Keys(host.key_name, host.public_key)
    return found


def _interface(host: Host) -> dict[str, object]:
    one = host.interface
    public: dict[str, object] = {}
    if host.public_address:
        public = {
            "ipv4-associations": {host.public_address: host.address},
            "public-hostname": host.public_hostname,
            "public-ipv4s": host.public_address,
        }
    return {
        "device-number": 0,
        "interface-id": one.id,
        **public,
        "local-hostname": host.hostname,
        "local-ipv4s": host.address,
        "mac": one.mac,
        "owner-id": host.account,
        "security-group-ids": "\n".join(one.group_ids),
        "security-groups": "\n".join(one.group_names),
        "subnet-id": one.subnet_id,
        "subnet-ipv4-cidr-block": one.subnet_cidr,
        "vpc-id": one.vpc_id,
        "vpc-ipv4-cidr-block": one.vpc_cidr,
        "vpc-ipv4-cidr-blocks": one.vpc_cidr,
    }


def _identity(host: Host) -> str:
    return json.dumps(
        {
            "accountId": host.account,
            "architecture": host.architecture,
            "availabilityZone": host.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": host.image,
            "instanceId": host.id,
            "instanceType": host.type,
            "kernelId": None,
            "pendingTime": host.launched,
            "privateIp": host.address,
            "ramdiskId": None,
            "region": host.region,
            "version": "2017-09-30",
        },
        indent=2,
    )
