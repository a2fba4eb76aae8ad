"""What the kernel tells of a host's first process: nothing is sent, and nobody enters the host."""

from __future__ import annotations

import signal
from pathlib import Path

from bakehouse_lab.ports import inodes

PROC = Path("/proc")

# What tells systemd to shut down; podman sends it (systemd(1), "SIGNALS").
POWER_OFF = signal.SIGRTMIN + 3


def listens_on_ssh(pid: int, proc: Path) -> bool:
    """Whether something listens on port 22 in the network of process `pid`.

    Read from the kernel's own table: no packet filter is in the way.
    """
    tables = [_read(proc / str(pid) / "net" / name) for name in ("tcp", "tcp6")]
    return any(inodes(table, 22) for table in tables)


def hears_power_off(pid: int, proc: Path) -> bool:
    """Whether process `pid` waits for the signal that shuts systemd down.

    systemd keeps it blocked and reads it from a descriptor. To the shell that boots the host it is
    nothing, and the kernel lets no signal end a first process that does not ask for it.
    """
    status = _read(proc / str(pid) / "status")
    said = dict(line.split(":", 1) for line in status.splitlines())
    return bool(int(said.get("SigBlk", "0"), 16) >> (POWER_OFF - 1) & 1)


def _read(path: Path) -> str:
    """Empty when the process has just ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
