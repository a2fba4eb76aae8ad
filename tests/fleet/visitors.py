"""Visitors of a fleet's front page: one after the other, steadily, and what they got."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer: HTTP status, 0 for none at all; and how long it took, seconds."""

    status: int
    seconds: float


def visit(url: str) -> Visit:
    """Ask for a page. Never raises."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
            status = answer.status
    except urllib.error.HTTPError as e:
        status = e.code
    except OSError:
        status = 0
    return Visit(status, time.monotonic() - began)


@dataclass(slots=True)
class Visitors:
    """`with Visitors(url) as they:` some visit steadily; `they.got` is what they got so far."""

    url: str
    people: int = 4
    pause: float = 0.2
    got: list[Visit] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Visitors:
        self._threads = [threading.Thread(target=self._come) for _ in range(self.people)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _come(self) -> None:
        while not self._stop.wait(self.pause):
            self.got.append(visit(self.url))

    @property
    def failed(self) -> list[Visit]:
        return [each for each in self.got if each.status != 200]

    def __str__(self) -> str:
        slowest = max((each.seconds for each in self.got), default=0)
        statuses = dict(Counter(each.status for each in self.got))
        return f"{len(self.failed)} of {len(self.got)} failed {statuses}, slowest {slowest:.1f} s"
