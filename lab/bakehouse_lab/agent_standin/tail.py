"""The new lines of a file, through its rotations: renamed and made anew, or cut off."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

MOST_BYTES = 4 << 20  # at one look; the rest comes with the next


class Tail:
    """Where the newest match of a pattern has been read to.

    The last event is held back until the file has been quiet for one look, because more of its
    lines may be on their way.
    """

    def __init__(self, root: Path, pattern: str, start: re.Pattern[str]) -> None:
        """Read from the beginning of what matches `pattern` under `root`."""
        self._root = root
        # The agent's ** goes into folders and stands for a name too; ours is a folder alone.
        self._pattern = re.sub(r"\*\*([^/]+)$", r"**/*\1", pattern.lstrip("/"))
        self._start = start
        self._file: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> list[str]:
        """Whole events that were written since the last look, as lines; empty when none were."""
        fresh = self._fresh()
        self._rest += fresh
        whole, newline, unfinished = self._rest.rpartition(b"\n")
        lines = whole.decode(errors="replace").split("\n") if newline else []
        kept = self._last_event(lines) if fresh else len(lines)
        left = "".join(f"{line}\n" for line in lines[kept:])
        self._rest = left.encode() + unfinished
        return lines[:kept]

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()

    def _last_event(self, lines: list[str]) -> int:
        """The number of the line with which the last event begins."""
        starts = (at for at in reversed(range(len(lines))) if self._start.search(lines[at]))
        return next(starts, 0)

    def _fresh(self) -> bytes:
        """What has been written; the rest of a file that was renamed comes before the new one."""
        fresh = self._file.read(MOST_BYTES) if self._file else b""
        path = self._newest()
        if path is None or len(fresh) == MOST_BYTES:
            return fresh
        if self._file is None or not self._is_open(path):
            self.close()
            self._file = path.open("rb")
            fresh += self._file.read(MOST_BYTES)
        return fresh

    def _is_open(self, path: Path) -> bool:
        """Whether `path` is the file that we read, and has not been cut off behind us."""
        assert self._file
        there, ours = path.stat(), self._file.tell()
        return os.fstat(self._file.fileno()).st_ino == there.st_ino and there.st_size >= ours

    def _newest(self) -> Path | None:
        """The newest match, as with the agent's `publish_multi_logs: false`."""
        found = [path for path in self._root.glob(self._pattern) if path.is_file()]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)
