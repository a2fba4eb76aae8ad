"""Who listens on a port of this machine, read from /proc: needs no program and no package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that listens; `pid` is None when it is not ours to see (not root)."""

    port: int
    pid: int | None
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a person would say it."""
        if self.pid is None:
            return "a process of another user"
        return f"{' '.join(self.command)[:60] or 'a nameless program'} (pid {self.pid})"


def inodes(table: str, port: int) -> set[str]:
    """The sockets that listen on `port`, from the text of /proc/net/tcp or tcp6.

    >>> head = "sl local_address rem_address st tx_queue tr tm->when retrnsmt uid timeout inode"
    >>> row = "0: 0100007F:11DA 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1"
    >>> inodes(head + chr(10) + row, 4570)
    {'4711'}
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    return {
        row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port
    }


def listener(port: int, proc: Path = Path("/proc")) -> Listener | None:
    """Who listens on a TCP port of this machine, on whatever address; None when nobody does."""
    tables = [proc / "net" / name for name in ("tcp", "tcp6")]
    wanted: set[str] = set()
    for table in tables:
        if table.exists():
            wanted |= inodes(table.read_text(), port)
    if not wanted:
        return None
    sockets = {f"socket:[{inode}]" for inode in wanted}
    for process in sorted(_processes(proc), key=lambda each: int(each.name)):
        if sockets & set(_open_files(process)):
            pid = int(process.name)
            return Listener(port, pid, tuple(command_line(pid, proc)))
    return Listener(port, None)


def _processes(proc: Path) -> Iterable[Path]:
    return (each for each in proc.iterdir() if each.name.isdecimal())


def _open_files(process: Path) -> Iterator[str]:
    try:
        for file in (process / "fd").iterdir():
            try:
                yield str(file.readlink())
            except OSError:  # closed while we looked
                continue
    except OSError:  # gone, or not ours to see
        return


def command_line(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """The words with which a process was started; empty when it is gone."""
    try:
        said = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in said.split(b"\0") if word]
