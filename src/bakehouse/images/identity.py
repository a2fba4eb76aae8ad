"""What makes an image the image it is: a hash of everything that decides its content.

Two bakes with one identity would make the same host, so the second can be left out. A README or a
test does not change it; one byte of a role, another base image or another release does. Pure: the
files come as names and bytes.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the files that decide lie, from the root of the repository; the inventory's group_vars
# are added to them by the caller, who knows which inventory it is, and what the plugins import
# of ours by `imports`.
FOLDERS = ("roles", "packer", "ansible/plugins")
FILES = ("ansible/playbooks/bake.yml", "ansible.cfg", "requirements.lock")

_NOT_IN_AN_IMAGE = {"README.md", "molecule", "tests", "__pycache__", "nightly"}


def decides(path: str) -> bool:
    """Whether a file in one of the folders can change an image.

    >>> decides("roles/nginx/tasks/main.yml"), decides("roles/nginx/README.md")
    (True, False)
    >>> decides("roles/nginx/molecule/default/converge.yml"), decides("packer/nightly/crontab")
    (False, False)
    """
    return not _NOT_IN_AN_IMAGE.intersection(PurePosixPath(path).parts)


def imports(source: bytes) -> set[str]:
    """What a Python file imports of ours, as dotted names; some may name what is in a module.

    >>> sorted(imports(b"from bakehouse.roles.sizing import workers\\nimport json"))
    ['bakehouse.roles', 'bakehouse.roles.sizing', 'bakehouse.roles.sizing.workers']
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = [name.split(".") for name in found if name.startswith("bakehouse.")]
    return {".".join(each[:end]) for each in ours for end in range(2, len(each) + 1)}


def inputs(files: Mapping[str, bytes], facts: Mapping[str, str]) -> dict[str, str]:
    """Everything that decides: files with their SHA-256, facts as they are.

    `facts` is what decides and is no file of the repository: the base image's id, the release's
    checksum, the versions of packer and Ansible. Files that cannot change an image (`decides`) are
    left out.
    """
    digests = {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if decides(name)
    }
    return digests | {f"fact {name}": value for name, value in facts.items()}


def identity_of(decided_by: Mapping[str, str]) -> str:
    """The identity, 16 hexadecimal digits; the order of the inputs does not matter.

    >>> identity_of({"roles/a": "6b86", "fact base": "ami-1"})
    '8f601578d82a85db'
    """
    whole = hashlib.sha256()
    for name, value in sorted(decided_by.items()):
        whole.update(f"{len(name)} {name} {len(value)} {value}\n".encode())
    return whole.hexdigest()[:16]


def content_hash(files: Mapping[str, bytes], facts: Mapping[str, str]) -> str:
    """The identity of what is made of these files and facts."""
    return identity_of(inputs(files, facts))


@dataclass(frozen=True, slots=True)
class Changes:
    """What two images' inputs differ in: names, sorted; `facts` with both values."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]  # name, before, after

    def __bool__(self) -> bool:
        """Whether they differ at all."""
        return bool(self.added or self.removed or self.changed or self.facts)

    def lines(self) -> list[str]:
        """The differences for a person, facts first; a plus, a minus or a tilde before each."""
        return [
            *(f"~ {name}: {before} -> {after}" for name, before, after in self.facts),
            *(f"~ {name}" for name in self.changed),
            *(f"+ {name}" for name in self.added),
            *(f"- {name}" for name in self.removed),
        ]


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """What changed from one image's inputs to another's."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    facts = sorted(name for name in names if name.startswith("fact "))
    files = sorted(names - set(facts))
    return Changes(
        added=tuple(name for name in files if name not in before),
        removed=tuple(name for name in files if name not in after),
        changed=tuple(name for name in files if name in before and name in after),
        facts=tuple(
            (name.removeprefix("fact "), before.get(name, "none"), after.get(name, "none"))
            for name in facts
        ),
    )
