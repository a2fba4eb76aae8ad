"""Applications read from replicas through the reader endpoint."""

from __future__ import annotations

from typing import Any

from moto.elasticache.models import ReplicationGroup

NAME = "DescribeReplicationGroups leaves out ReaderEndpoint"


def mend() -> None:
    """Say it in the shape that is answered, from the address that moto keeps beside it."""
    original = ReplicationGroup.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for shard in self.node_groups:
            if "reader_endpoint_address" in shard:
                shard["reader_endpoint"] = {
                    "address": shard["reader_endpoint_address"],
                    "port": self.port,
                }

    ReplicationGroup.__init__ = init
