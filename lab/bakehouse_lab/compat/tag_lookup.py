"""Each resource's tags are found by a search through the tags of all resources."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.models.tags import TagBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

NAME = "DescribeInstances takes time with the square of the number of tagged resources"

_PLAIN_ID = re.compile(r"[a-z0-9-]+")


def mend() -> None:
    """Look up a single id, which is how moto asks for a resource's own tags."""
    moto_describe = TagBackend.describe_tags

    def describe_tags(self: Any, filters: dict[str, list[str]] | None = None) -> Any:
        ids = (filters or {}).get("resource-id", [])
        if (
            set(filters or ()) != {"resource-id"}
            or len(ids) != 1
            or not _PLAIN_ID.fullmatch(ids[0])
        ):
            return moto_describe(self, filters)
        resource_id = ids[0]
        kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource_id), "")
        return [
            {"resource_id": resource_id, "key": key, "value": value, "resource_type": kind}
            for key, value in (self.tags.get(resource_id) or {}).items()
        ]

    TagBackend.describe_tags = describe_tags
