"""An end to what has no end of its own: an answer that comes a byte every few seconds.

A timeout of a socket counts from the last byte, so a server that drips keeps its client for ever.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(BaseException):
    """Time is up. No Exception, so that no library on the way takes it for one of its own."""


@contextmanager
def limit(seconds: float) -> "Iterator[None]":
    """Raise OutOfTime in what is done within, when it takes longer. Only in the main thread."""

    def ring(_signal: int, _frame: "FrameType | None") -> None:
        raise OutOfTime

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
