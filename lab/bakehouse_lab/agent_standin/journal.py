"""The new entries of a host's journal, asked of the host's own journalctl."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from bakehouse_lab.agent_standin.events import MOST_BYTES, Event, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakehouse_lab.agent_standin.configuration import Journal

CURSOR = "__CURSOR"


class Reader:
    """Where one part of a journal has been read to."""

    def __init__(self, asked: Journal) -> None:
        """Read from the beginning."""
        self._asked = asked
        self._cursor = ""

    def events(self, pid: int) -> Iterator[Event]:
        """What was written since the last look on the host whose first process is `pid`."""
        enter = ["nsenter", f"--target={pid}", "--mount", "--"]
        command = [*enter, "journalctl", *flags(self._asked, self._cursor)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        for line in done.stdout.decode(errors="replace").splitlines():
            entry = json.loads(line)
            self._cursor = entry[CURSOR]
            text = json.dumps({"body": entry})
            if wanted(text, self._asked.filters):
                cut = text.encode()[:MOST_BYTES].decode(errors="ignore")
                yield Event(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, cut)


def flags(asked: Journal, cursor: str) -> list[str]:
    """What journalctl is told.

    Each set of matches is one alternative, as with the agent.
    """
    said = ["--no-pager", "--quiet", "--output=json", "--all", f"--priority={asked.priority}"]
    said += [f"--after-cursor={cursor}"] if cursor else []
    said += [f"--unit={unit}" for unit in asked.units]
    for place, match in enumerate(asked.matches):
        said += ["+"] if place else []
        said += [f"{name}={value}" for name, value in match.items()]
    return said
