"""What programs of a host send to its loopback: a socket of ours in its network namespace."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from bakehouse_lab.agent_standin.rollup import Sample
from bakehouse_lab.netns import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"g": "gauge", "c": "counter", "ms": "timing", "h": "histogram"}


class Listener:
    """Receives from its making on; what came is taken in one go."""

    def __init__(self, netns: str, address: tuple[str, int]) -> None:
        """Take the address in the namespace. Raises OSError when somebody has it."""
        with inside(netns):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise

    def samples(self) -> Iterator[Sample]:
        """All that came since the last time."""
        with contextlib.suppress(BlockingIOError):
            while True:
                for line in self._socket.recv(65536).decode(errors="replace").splitlines():
                    with contextlib.suppress(ValueError):
                        yield parsed(line)

    def close(self) -> None:
        """Let go of the address."""
        self._socket.close()


def parsed(line: str) -> Sample:
    """One line of StatsD, with the agent's tags; its dimension metric_type is the agent's too.

    Raises ValueError.

    >>> parsed("queue_jobs:3|g|#site:app")
    Sample(name='queue_jobs', value=3.0, dimensions={'metric_type': 'gauge', 'site': 'app'})
    """
    name, _, rest = line.partition(":")
    value, kind, *more = rest.split("|")
    if not name or kind not in KINDS:
        raise ValueError(line)
    tags = {"metric_type": KINDS[kind]}
    for part in more:
        if part.startswith("#"):
            tags |= dict(tag.split(":", 1) for tag in part[1:].split(",") if ":" in tag)
    return Sample(name, float(value), tags)
