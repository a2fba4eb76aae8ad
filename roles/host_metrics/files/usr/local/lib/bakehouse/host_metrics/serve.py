"""The loop of the service: look, hand the figures to the CloudWatch agent, say so to systemd."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from host_metrics import figures, look, show
from host_metrics.look import Host

Look = Callable[[bool], Host]  # told whether the queues are to be asked too
Say = Callable[[str], None]


class Rounds:
    """One look after the other; each knows what the one before it found."""

    def __init__(self, ask: Look, queue_seconds: float, now: Callable[[], float]) -> None:
        """Ask the queues at most every `queue_seconds`, because that starts the application."""
        self._look, self._queue_seconds, self._now = ask, queue_seconds, now
        self._asked: float | None = None
        self._queues: dict[str, look.Answer] = {}
        self._before: dict[str, float] = {}

    def next(self) -> tuple[Host, bytes]:
        """What the host says, with what its queues said last; and what to hand over."""
        due = self._asked is None or self._now() - self._asked >= self._queue_seconds
        if due:
            self._asked = self._now()
        host = self._look(due)
        if due:
            self._queues = {seen.site: seen.queue for seen in host.sites}
        host = replace(
            host, sites=tuple(replace(s, queue=self._queues[s.site]) for s in host.sites)
        )
        now = figures.of_host(host)
        packet, self._before = show.statsd(now, self._before), now
        return host, packet


def forever(
    rounds: Rounds, interval: float, statsd: tuple[str, int], report: Path, say: Say
) -> None:
    """Look every `interval` seconds until SIGTERM; an agent that is away costs nothing."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.setblocking(False)
        state = "READY=1\n"
        while not told.is_set():
            started = time.monotonic()
            host, packet = rounds.next()
            with contextlib.suppress(OSError):
                agent.sendto(packet, statsd)
            _replace(report, show.as_json(host))
            say(f"{state}WATCHDOG=1\nSTATUS={show.line(host)}")
            state = ""
            told.wait(max(0.1, interval - (time.monotonic() - started)))
    say("STOPPING=1")


def _replace(path: Path, content: str) -> None:
    """Write a file that is complete whenever somebody reads it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(content + "\n")
    fresh.replace(path)


def notify(message: str) -> None:
    """Tell systemd; nothing happens when it did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(message.encode(), address.replace("@", "\0", 1))
