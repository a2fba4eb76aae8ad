"""ElastiCache's API: moto's records, with the statuses that a real cache goes through.

Nothing here waits or runs podman: an API call writes down what is wanted, and the keeper does it.
What the lab cannot do for real is refused by name, so that nobody takes it for done.
"""

from __future__ import annotations

import inspect
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moto.elasticache.exceptions import (
    CacheClusterNotFound,
    ElastiCacheException,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    ReplicationGroupNotFound,
)
from moto.elasticache.models import ElastiCacheBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.endpoint import Place

ENGINES = {"redis": "7.1", "valkey": "8.0"}  # and the version that AWS would choose
NODES = range(1, 7)  # a primary and up to five replicas, as on AWS
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")
REFUSED = ("create_snapshot", "create_user")


class InvalidState(ElastiCacheException):  # type: ignore[misc] # moto ships no types
    """What was asked for does not go with the present status; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Backing:
    """What the lab notes on the record of a node: `record.backing`."""

    since: float  # when the present status began, seconds
    address: str  # the node's own name
    names: tuple[str, ...]  # all names by which it is found
    follows: str | None = None  # the node that it is a replica of
    token: str | None = None
    place: Place | None = None  # taken when the node is first made


class LabElastiCacheBackend(ElastiCacheBackend):  # type: ignore[misc] # moto ships no types
    """moto's backend; each override says only what differs."""

    # moto finds a backend's URLs beside its module, and its service in its name.
    __module__ = ElastiCacheBackend.__module__

    clock: Callable[[], float] = staticmethod(time.time)

    def create_cache_cluster(self, **wanted: Any) -> Any:
        """Creating, until its server answers."""
        if wanted.get("replication_group_id"):
            raise NotImplementedError  # a further replica of a standing group
        if (wanted.get("num_cache_nodes") or 1) != 1:
            raise InvalidParameterValueException("NumCacheNodes should be 1 if engine is redis")
        _check(wanted)
        address = f"{wanted['cache_cluster_id']}.{_word(self)}.0001.use1.cache.amazonaws.com"
        return self._add_node(wanted, Backing(self.clock(), address, (address,)))

    def delete_cache_cluster(self, cache_cluster_id: str) -> Any:
        """Deleting, until its server is gone."""
        record = self.cache_clusters.get(cache_cluster_id)
        if record is None:
            raise CacheClusterNotFound(cache_cluster_id)
        if record.replication_group_id:
            raise InvalidState(
                "InvalidCacheClusterState",
                f"Cache cluster {cache_cluster_id} serves replication group "
                f"{record.replication_group_id}; delete that instead.",
            )
        self._turn(record, "deleting")
        return record

    def create_replication_group(self, **wanted: Any) -> Any:
        """Creating, until the servers of all its members answer."""
        _check(wanted)
        _check_shape(wanted)
        group = super().create_replication_group(**wanted)
        group.status = "creating"
        members = group.node_groups[0]["node_group_members"]
        for member in members:
            self._add_node(_of_member(wanted, member), self._backing(group, member, wanted))
        return group

    def delete_replication_group(
        self, replication_group_id: str, retain_primary_cluster: bool | None
    ) -> Any:
        """Deleting, until the last of its members is gone."""
        if retain_primary_cluster:
            raise NotImplementedError
        group = self.replication_groups.get(replication_group_id)
        if group is None:
            raise ReplicationGroupNotFound(replication_group_id)
        if group.status == "deleting":
            raise InvalidState(
                "InvalidReplicationGroupState",
                f"Replication group {replication_group_id} is being deleted.",
            )
        group.status = "deleting"
        for member in self.members(replication_group_id):
            self._turn(member, "deleting")
        return group

    def members(self, replication_group_id: str) -> list[Any]:
        """The records of the nodes that make up a group."""
        return [
            each
            for each in self.cache_clusters.values()
            if each.replication_group_id == replication_group_id
        ]

    def _add_node(self, wanted: dict[str, Any], backing: Backing) -> Any:
        names = inspect.signature(ElastiCacheBackend.create_cache_cluster).parameters
        known = {name: wanted.get(name) for name in names if name != "self"}
        record = super().create_cache_cluster(**known)
        record.replication_group_id = wanted.get("replication_group_id")
        record.num_cache_nodes = 1
        record.security_groups = [
            {"security_group_id": each, "status": "active"} for each in record.security_group_ids
        ]
        record.backing = backing
        self._turn(record, "creating")
        return record

    def _backing(self, group: Any, member: dict[str, Any], wanted: dict[str, Any]) -> Backing:
        shard = group.node_groups[0]
        own = member["read_endpoint"]["address"]
        primary, reader = shard["primary_endpoint_address"], shard["reader_endpoint_address"]
        first, alone = shard["node_group_members"][0], len(shard["node_group_members"]) == 1
        is_primary = member is first
        names = [
            own,
            *([primary] if is_primary else []),
            *([reader] if alone or not is_primary else []),
        ]
        return Backing(
            self.clock(),
            own,
            tuple(names),
            None if is_primary else first["cache_cluster_id"],
            wanted.get("auth_token"),
        )

    def _turn(self, record: Any, status: str) -> None:
        record.cache_cluster_status = status
        record.backing = replace(record.backing, since=self.clock())


def _refuse(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


for _action in REFUSED:
    setattr(LabElastiCacheBackend, _action, _refuse)


def _word(backend: Any) -> str:
    """The part of a name that AWS makes up; the same for all of an account."""
    return f"lab{backend.account_id[-3:]}"


def _of_member(wanted: dict[str, Any], member: dict[str, Any]) -> dict[str, Any]:
    return wanted | {
        "cache_cluster_id": member["cache_cluster_id"],
        "preferred_availability_zone": member["preferred_availability_zone"],
        "cache_node_type": wanted.get("cache_node_type") or "cache.t4g.micro",
        "snapshot_retention_limit": None,
        "tags": [],
    }


def _check(wanted: dict[str, Any]) -> None:
    engine = str(wanted.get("engine") or "redis").lower()
    if engine not in ENGINES:
        raise InvalidParameterValueException(
            f"The lab runs no engine {engine!r}: it has {' and '.join(ENGINES)} (both Redis)."
        )
    wanted["engine"] = engine
    wanted["engine_version"] = wanted.get("engine_version") or ENGINES[engine]
    token = wanted.get("auth_token")
    if token and not wanted.get("transit_encryption_enabled"):
        raise InvalidParameterCombinationException(
            "The AUTH token requires TransitEncryptionEnabled."
        )
    if token and not TOKEN.fullmatch(token):
        raise InvalidParameterValueException(
            "Invalid AuthToken: wanted 16 to 128 characters of letters, digits and !&#$^<>-."
        )


def _check_shape(wanted: dict[str, Any]) -> None:
    if wanted.get("cluster_mode") == "enabled" or (wanted.get("num_node_groups") or 1) > 1:
        raise InvalidParameterCombinationException(
            "The lab runs replication groups of one shard, with cluster mode disabled."
        )
    nodes = wanted.get("num_cache_clusters") or (wanted.get("replicas_per_node_group") or 0) + 1
    if nodes not in NODES:
        raise InvalidParameterValueException(
            f"A replication group has {NODES.start} to {NODES.stop - 1} nodes, not {nodes}."
        )
