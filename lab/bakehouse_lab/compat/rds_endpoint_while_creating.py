"""Who finds an endpoint believes that it can be connected to."""

from __future__ import annotations

from typing import Any

from moto.rds.models import DBInstance

NAME = "DescribeDBInstances has an Endpoint for a database that is still being created"


def mend() -> None:
    """Leave it out until then."""
    original = DBInstance.endpoint

    def endpoint(self: Any) -> Any:
        return None if self.status == "creating" else original.fget(self)

    DBInstance.endpoint = property(endpoint)
