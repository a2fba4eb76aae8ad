"""Copies of a database's data, for snapshots and for what is restored from them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakehouse_lab.podman import Podman


class CopyFailed(RuntimeError):
    """cp did not copy all; the half copy has been removed."""


def copy(podman: Podman, source: str, target: str) -> None:
    """Replace volume `target` by a copy of volume `source`.

    Raises CopyFailed, and then there is no `target`.
    """
    podman.remove_volume(target)
    podman.ensure_volume(target)
    where = [
        podman.run("volume", "inspect", "--format={{.Mountpoint}}", v) for v in (source, target)
    ]
    done = subprocess.run(
        ["cp", "--archive", "--reflink=auto", "--sparse=auto", f"{where[0]}/.", where[1]],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        podman.remove_volume(target)
        raise CopyFailed(f"{source} to {target}: {done.stderr.strip()[-400:]}")


@contextmanager
def frozen(podman: Podman, name: str) -> Iterator[None]:
    """Hold a container still, as a disk's snapshot would find it; InnoDB recovers from that."""
    seen = podman.seen(name)
    if seen is None or not seen.running:
        yield
        return
    podman.run("pause", name)
    try:
        yield
    finally:
        podman.run("unpause", name)
