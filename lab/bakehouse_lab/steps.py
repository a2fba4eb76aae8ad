"""Progress that a person can follow: which step of how many, what it does now, since when.

On a terminal one line is kept up to date, in colour; in a log each step has a line when it begins,
one a minute while it lasts, and one when it ends.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOLD, FAINT, GREEN, RED, PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"
CLEAR = "\r\033[K"
WIDTH = 110  # a longer line would wrap, and a wrapped line cannot be taken back


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(2.345), duration(75), duration(3700)
    ('2.3 s', '1 min 15 s', '61 min 40 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@dataclass(slots=True)
class Step:
    """A step under way. `doing` is what it does now, `notes` what is worth saying at its end."""

    name: str
    doing: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, text: str) -> None:
        """Say `text` when the step ends."""
        self.notes.append(text)


class Steps:
    """Counts steps and times them; `done` holds those that ended well, in order."""

    def __init__(
        self,
        total: int,
        out: TextIO = sys.stdout,
        now: Callable[[], float] = time.monotonic,
        every_seconds: float = 60,
    ) -> None:
        """Follow `total` steps on `out`; every `every_seconds` a log hears that one still lasts."""
        self.done: list[Step] = []
        self._total, self._out, self._now = total, out, now
        self._terminal = out.isatty()
        self._every = 0.2 if self._terminal else every_seconds
        self._begun = 0

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time what happens inside; an exception ends it as failed, and goes on up."""
        self._begun += 1
        step, start, over = Step(name), self._now(), threading.Event()
        if not self._terminal:
            self._print(self._head(step))
        ticker = threading.Thread(target=self._tick, args=(step, start, over), daemon=True)
        ticker.start()
        ended = f"{RED}failed{PLAIN}" if self._terminal else "failed"
        try:
            yield step
            ended = f"{GREEN}done{PLAIN}" if self._terminal else "done"
            self.done.append(step)
        finally:
            over.set()
            ticker.join()
            step.seconds = self._now() - start
            after = "".join(f", {note}" for note in step.notes)
            self._end(step, f"{ended} in {duration(step.seconds)}{after}")

    def _tick(self, step: Step, start: float, over: threading.Event) -> None:
        while not over.wait(self._every):
            since = duration(self._now() - start)
            if self._terminal:
                head = f"[{self._begun}/{self._total}] {step.name}  {since}  "
                rest = step.doing[: max(0, WIDTH - len(head))]
                self._print(f"{CLEAR}{self._head(step)}  {since}  {FAINT}{rest}{PLAIN}", end="")
            else:
                self._print(f"      still at it, {since}: {step.doing or step.name}")

    def _head(self, step: Step) -> str:
        count = f"[{self._begun}/{self._total}]"
        return f"{BOLD}{count}{PLAIN} {step.name}" if self._terminal else f"{count} {step.name}"

    def _end(self, step: Step, how: str) -> None:
        if self._terminal:
            self._print(f"{CLEAR}{self._head(step)}: {how}")
        else:
            self._print(f"      {how}")

    def _print(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self._out, flush=True)
