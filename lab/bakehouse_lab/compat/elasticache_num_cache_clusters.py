"""NumCacheClusters is how most people ask for replicas."""

from __future__ import annotations

from typing import Any

from moto.elasticache.models import ReplicationGroup

NAME = "CreateReplicationGroup makes no replicas when NumCacheClusters asks for them"


def mend() -> None:
    """Let it count like ReplicasPerNodeGroup, and one more."""
    original = ReplicationGroup._set_node_members_clusters_disabled

    def members(self: Any, **wanted: Any) -> None:
        replicas = wanted["replicas_per_node_group"] or wanted["num_cache_clusters"] - 1
        original(self, **(wanted | {"replicas_per_node_group": replicas}))

    ReplicationGroup._set_node_members_clusters_disabled = members
