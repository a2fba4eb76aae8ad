"""What a long command is doing now, and since when.

On a terminal the current step is a live line that becomes a finished one; in a log each step is a
plain line when it begins. Goes to standard error: standard output is for the answer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self


def seconds(duration: float) -> str:
    """A duration as people say it.

    >>> seconds(7.26), seconds(75), seconds(3725)
    ('7.3 s', '1 min 15 s', '62 min 05 s')
    """
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


class Progress:
    """Steps of one command, one at a time. Leaving it ends the current step as it entered it."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write to `console` (default: standard error); the clock starts now."""
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._clock = clock
        self._began = self._step_began = clock()
        self._step = ""
        self._status = self._console.status("") if self._console.is_terminal else None

    def __enter__(self) -> Self:
        """Show the live line, where there is a terminal."""
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish the current step, well or not."""
        self._finish("red" if kind else "green")
        if self._status:
            self._status.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._began

    @property
    def live(self) -> bool:
        """Whether the current step is a line that changes, so that a detail costs no line."""
        return self._status is not None

    def now(self, what: str) -> None:
        """A new step begins, and the one before it went well."""
        self._finish("green")
        self._step, self._step_began = what, self._clock()
        if self._status:
            self._status.update(Text(what, style="bold"))
        else:
            self._line(what)

    def say(self, what: str) -> None:
        """Something worth knowing about the current step."""
        if self._status:
            self._console.print(Text(f"          {what}", style="dim"))
        else:
            self._line(f"  {what}")

    def detail(self, what: str) -> None:
        """What the current step is at: shown on a terminal while it lasts, a line in a log."""
        if self._status:
            self._status.update(Text(self._step, style="bold") + Text(f"  {what}", style="dim"))
        else:
            self._line(f"  {what}")

    def _line(self, what: str) -> None:
        self._console.print(Text(f"{self.elapsed:6.1f} s  {what}"))

    def _finish(self, colour: str) -> None:
        if not self._step or not self._status:
            return
        took = self._clock() - self._step_began
        mark = "✓" if colour == "green" else "✗"
        self._console.print(
            Text(f"{mark} ", style=colour)
            + Text(f"{seconds(took):>7} ", style="cyan")
            + Text(self._step)
        )
        self._step = ""
