"""What makes an image the image it is: a hash of everything that decides its content.

Two bakes with one identity would make the same host, so the second can be left out. A README or a
test does not change it; one byte of a role, another base image or another release does. Pure: the
files come as names and bytes.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the files that decide lie, from the root of the repository; the inventory's group_vars
# are added to them by the caller, who knows which inventory it is.
FOLDERS = ("roles", "packer", "ansible/plugins", "src/bakehouse/cloudwatch")
FILES = (
    "ansible/playbooks/bake.yml",
    "ansible.cfg",
    "src/bakehouse/sizing.py",
)

_NOT_IN_AN_IMAGE = {"README.md", "molecule", "tests", "__pycache__"}


def decides(path: str) -> bool:
    """Whether a file in one of the folders can change an image.

    >>> decides("roles/nginx/tasks/main.yml"), decides("roles/nginx/README.md")
    (True, False)
    >>> decides("roles/nginx/molecule/default/converge.yml")
    False
    """
    return not _NOT_IN_AN_IMAGE.intersection(PurePosixPath(path).parts)


def content_hash(files: Mapping[str, bytes], facts: Mapping[str, str]) -> str:
    """The identity, 16 hexadecimal digits; the order of `files` and `facts` does not matter.

    `facts` is what decides and is no file of the repository: the base image's id, the release's
    checksum. Files that cannot change an image (`decides`) are left out.

    >>> content_hash({"roles/a": b"1"}, {"base": "ami-1"})
    '903c0597403070d5'
    """
    whole = hashlib.sha256()
    parts = {name: data for name, data in files.items() if decides(name)}
    parts |= {f"fact {name}": value.encode() for name, value in facts.items()}
    for name in sorted(parts):
        digest = hashlib.sha256(parts[name]).hexdigest()
        whole.update(f"{len(name)} {name} {digest}\n".encode())
    return whole.hexdigest()[:16]
