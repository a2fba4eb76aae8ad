"""What site.yml made good last: which hosts, by which files. The same again needs nothing."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# All that site.yml reads, below the repository's root.
READ = ("site.yml", "ansible.cfg", "ansible", "inventories/lab", "roles", "src")


def digest(root: Path, hosts: Iterable[str]) -> str:
    """One hash, in hexadecimal, over the ids of hosts and every file that site.yml reads."""
    told = hashlib.sha256("\0".join(sorted(hosts)).encode())
    for path in _files(root):
        told.update(f"\0{path.relative_to(root)}\0".encode())
        told.update(hashlib.sha256(path.read_bytes()).digest())
    return told.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in READ:
        top = root / name
        found = [top] if top.is_file() else sorted(top.rglob("*"))
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


class Mark:
    """The file that says so; it is the lab's, and goes with it."""

    def __init__(self, file: Path) -> None:
        """Nothing is read before it is asked."""
        self._file = file

    def since(self, digest: str) -> str:
        """When all of this was made good, as HH:MM:SS; empty when it was not."""
        try:
            said, when = self._file.read_text().split()
        except (OSError, ValueError):
            return ""
        return when if said == digest else ""

    def write(self, digest: str) -> None:
        """All of this is good now."""
        self._file.write_text(f"{digest} {time.strftime('%H:%M:%S')}\n")

    def forget(self) -> None:
        """Nothing is known to be good: something is about to change."""
        self._file.unlink(missing_ok=True)
