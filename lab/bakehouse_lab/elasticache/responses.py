"""Parameters of ElastiCache's API that moto's responses leave out."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import PaginatedResult
from moto.elasticache.exceptions import InvalidParameterCombinationException
from moto.elasticache.responses import ElastiCacheResponse

# What moto's ModifyReplicationGroup really writes down.
MODIFIABLE = frozenset(
    {
        "ReplicationGroupId",
        "ReplicationGroupDescription",
        "ApplyImmediately",
        "AutomaticFailoverEnabled",
        "MultiAZEnabled",
        "SnapshotRetentionLimit",
    }
)


class LabElastiCacheResponse(ElastiCacheResponse):  # type: ignore[misc] # moto ships no types
    """moto's responses; each override says only what differs."""

    def describe_cache_clusters(self) -> Any:
        """With the nodes and their endpoints, when they are asked for."""
        clusters = self.elasticache_backend.describe_cache_clusters(
            self._get_param("CacheClusterId")
        )
        if self._get_bool_param("ShowCacheClustersNotInReplicationGroups"):
            clusters = [each for each in clusters if not each.replication_group_id]
        if self._get_bool_param("ShowCacheNodeInfo"):
            clusters = [_with_nodes(each) for each in clusters]
        return PaginatedResult({"CacheClusters": clusters})

    def modify_replication_group(self) -> Any:
        """Refused when it asks for more than is done."""
        more = sorted(set(self._get_params()) - MODIFIABLE - {"Action", "Version"})
        if more:
            raise InvalidParameterCombinationException(
                f"The lab does not modify {', '.join(more)} of a replication group; make a new one."
            )
        return super().modify_replication_group()


def _with_nodes(cluster: Any) -> Any:
    shown = copy.copy(cluster)
    node = {
        "cache_node_id": "0001",
        "cache_node_status": cluster.cache_cluster_status,
        "cache_node_create_time": cluster.cache_cluster_create_time,
        "parameter_group_status": "in-sync",
        "customer_availability_zone": cluster.preferred_availability_zone,
    }
    if cluster.cache_cluster_status != "creating":
        node["endpoint"] = {"address": cluster.backing.address, "port": cluster.port}
    shown.cache_nodes = [node]
    return shown
