"""The `bakehouse_cloudwatch_faults` filter: see `bakehouse.cloudwatch.faults`."""

from __future__ import annotations

from collections.abc import Callable

from bakehouse.cloudwatch import faults


class FilterModule:
    """What Ansible looks for in a filter plugin."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Name the filters of this file."""
        return {"bakehouse_cloudwatch_faults": faults}
