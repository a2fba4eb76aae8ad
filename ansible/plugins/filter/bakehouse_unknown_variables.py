"""The `bakehouse_unknown_variables` filter: see `bakehouse.roles.variables.unknown`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from bakehouse.roles.variables import known, unknown

ROLES = Path(__file__).resolve().parents[3] / "roles"


def unknown_variables(names: Iterable[str]) -> list[str]:
    """A sentence for each name that starts like one of our roles and is none of its variables."""
    return unknown(map(str, names), known(ROLES))


class FilterModule:
    """What Ansible looks for in a filter plugin."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Name the filters of this file."""
        return {"bakehouse_unknown_variables": unknown_variables}
