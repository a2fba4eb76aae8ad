"""Tags that somebody asks for and no part of site.yml has: a run that would silently do nothing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

# Ansible's own (`ansible-playbook --tags`), which mean something everywhere.
SPECIAL = frozenset({"all", "always", "never", "tagged", "untagged"})


def unknown(asked: Iterable[str], parts: Collection[str]) -> list[str]:
    """A sentence for each tag that is none of `parts`; it names the right one, where one is near.

    >>> unknown(["php_fmp", "all"], ["nginx", "php_fpm"])
    ['No part of site.yml has the tag php_fmp; did you mean php_fpm?']
    >>> unknown(["x"], ["nginx", "wire"])
    ['No part of site.yml has the tag x; it has nginx, wire.']
    """
    found = []
    for tag in sorted(set(asked) - SPECIAL - set(parts)):
        near = get_close_matches(tag, parts, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(parts)}."
        found.append(f"No part of site.yml has the tag {tag}; {hint}")
    return found


def known(root: Path) -> list[str]:
    """The tags of site.yml's imports and of the roles in configure.yml, in their order."""
    steps = yaml.safe_load((root / "site.yml").read_text())
    (play,) = yaml.safe_load((root / "ansible/playbooks/configure.yml").read_text())
    return [tag for tag in _tags([*steps, *play["roles"]]) if tag not in SPECIAL]


def _tags(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        tags = entry.get("tags", [])
        yield from [tags] if isinstance(tags, str) else tags
