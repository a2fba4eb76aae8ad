"""The `bakehouse_unknown_tags` filter: see `bakehouse.roles.tags.unknown`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from bakehouse.roles.tags import known, unknown

ROOT = Path(__file__).resolve().parents[3]


def unknown_tags(asked: Iterable[str]) -> list[str]:
    """A sentence for each tag that no part of site.yml has."""
    return unknown(map(str, asked), known(ROOT))


class FilterModule:
    """What Ansible looks for in a filter plugin."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Name the filters of this file."""
        return {"bakehouse_unknown_tags": unknown_tags}
