"""Variables that somebody sets and no role reads: typos that would change nothing, silently.

A variable belongs to the role whose name it starts with, and a role's argument_specs name all of
its own; so a name that starts so and is not among them is a mistake.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import yaml

from bakehouse.roles.readme import specs_of
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path


class UnknownVariable(Trouble):
    """A variable is set that no role has; nothing was done."""


def unknown(names: Iterable[str], roles: Mapping[str, Collection[str]]) -> list[str]:
    """A sentence for each name that starts like a role's and is no variable of it.

    `roles` has the variables of each role by the role's name. The sentences name the right one,
    where one is near.

    >>> unknown(["web_worker_count", "web_port", "other"], {"web": ["web_workers", "web_port"]})
    ['web_worker_count is no variable of the role web; did you mean web_workers?']
    """
    found = []
    for name in sorted(set(names)):
        owners = [role for role in roles if name.startswith(f"{role}_")]
        owner = max(owners, key=len, default="")
        if owner and name not in roles[owner]:
            near = get_close_matches(name, roles[owner], n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"it has: roles/{owner}/README.md"
            found.append(f"{name} is no variable of the role {owner}; {hint}")
    return found


def known(folder: Path) -> dict[str, set[str]]:
    """The variables of each role below a folder, all entry points together."""
    return {
        path.name: {
            name for entry in specs_of(path).values() for name in entry.get("options") or {}
        }
        for path in sorted(folder.iterdir())
        if (path / "meta/argument_specs.yml").exists()
    }


def refuse_unknown(inventory: Path, roles: Path) -> None:
    """Raise UnknownVariable when an inventory's group_vars or host_vars name one."""
    allowed = known(roles)
    for file in sorted(inventory.glob("*_vars/**/*.yml")):
        faults = unknown(yaml.safe_load(file.read_text()) or {}, allowed)
        if faults:
            raise UnknownVariable(f"In {file}: {'; '.join(faults)}", f"$EDITOR {file}")
