"""Look, decide, act, and look again: the shape of each of the lab's controllers.

A loop is level-triggered: it never remembers what it meant to do, it looks at what is. Whoever
changes a record kicks the loop, so that an API call is followed within milliseconds; the interval
is only the safety net (and the clock of health checks).
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("bakehouse_lab")


class Loop:
    """Runs `step` every `interval` seconds, and at once when kicked, until stopped.

    An exception in a step is logged and the loop goes on: one broken record must not stop the
    controller of all the others.
    """

    def __init__(self, name: str, step: Callable[[], None], interval: float = 1.0) -> None:
        """Make the loop; nothing runs before `start`."""
        self.name = name
        self._step = step
        self._interval = interval
        self._kicked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kick(self) -> None:
        """Look again now."""
        self._kicked.set()

    def stop(self) -> None:
        """End after the step under way; returns when it has ended."""
        self._stopping.set()
        self._kicked.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._kicked.clear()
            try:
                self._step()
            except Exception:
                log.exception("%s: this step failed, looking again", self.name)
            self._kicked.wait(self._interval)


class Errands:
    """Slow work, one errand at a time for each key, never under the world's lock.

    A second errand for a key that is busy is refused: the loop will ask again when it looks
    again, by which time it may not be wanted any more.
    """

    def __init__(self, workers: int = 8) -> None:
        """Make the pool; `workers` errands run at once."""
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="errand")
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def busy(self, key: str) -> bool:
        """Whether an errand for `key` is under way."""
        with self._lock:
            return key in self._busy

    def under_way(self) -> frozenset[str]:
        """The keys that are busy: what is seen of them from now on may be old when it is read."""
        with self._lock:
            return frozenset(self._busy)

    def run(self, key: str, errand: Callable[[], None], then: Callable[[], None]) -> bool:
        """Start `errand`, and call `then` when it ended (well or not); False when `key` is busy."""
        with self._lock:
            if key in self._busy:
                return False
            self._busy.add(key)
        self._pool.submit(self._do, key, errand, then)
        return True

    def stop(self) -> None:
        """Wait for what is under way, and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _do(self, key: str, errand: Callable[[], None], then: Callable[[], None]) -> None:
        try:
            errand()
        except Exception:
            log.exception("%s: failed", key)
        finally:
            with self._lock:
                self._busy.discard(key)
            then()
