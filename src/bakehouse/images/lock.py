"""One bake of an identity at a time, wherever it runs: a lease, with who, since when and what for.

The lease lies in the bucket and is written only if it is the one that was seen, so that of two who
reach for it one gets it. Its holder renews it; a holder that was killed loses it when it runs out,
or at once when the next one is on the same machine and sees that the process is gone.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bakehouse.images.store import Kept

# Renewed three times in a lease, so that one lost answer costs nothing.
LEASE = timedelta(minutes=2)
RENEW_SECONDS = 40


class Store(Protocol):
    """What a lock needs of the bucket; `bakehouse.images.store.Store` has it."""

    def get(self, key: str) -> Kept | None:
        """The object, or None."""

    def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
        """Write it if it is the one that was seen; empty when somebody was faster."""

    def delete(self, key: str) -> None:
        """Take it away."""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    run: str
    who: str
    what: str  # for a person: "bake bakehouse-web-debian-13"
    since: str  # ISO 8601, UTC
    renewed: str
    machine: str
    process: int

    def __str__(self) -> str:
        """The holder for a person who waits."""
        return f"{self.who} has held the lock since {self.since} to {self.what} (run {self.run})"


def is_free(holder: Holder, now: datetime, here: str, alive: Callable[[int], bool]) -> bool:
    """Whether a lock may be taken from `holder`: its lease ran out, or its process is gone."""
    if now - datetime.fromisoformat(holder.renewed) > LEASE:
        return True
    return holder.machine == here and not alive(holder.process)


def this_machine() -> str:
    """The machine and its boot: a process of the boot before is gone for sure."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{socket.gethostname()}/{boot.read_text().strip() if boot.exists() else ''}"


def is_alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def utc_now() -> datetime:
    """The time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True)
class Lock:
    """One lock, for one run. `clock`, `here` and `alive` are for tests to replace."""

    store: Store
    key: str
    run: str
    who: str
    what: str
    clock: Callable[[], datetime] = utc_now
    here: Callable[[], str] = this_machine
    alive: Callable[[int], bool] = is_alive
    _tag: str = ""
    _holder: Holder | None = None

    def take(self) -> Holder | None:
        """Try to take it; None when it is ours now, or else who has it."""
        kept = self.store.get(self.key)
        holder = _read(kept)
        now = self.clock()
        if holder and not is_free(holder, now, self.here(), self.alive):
            return holder
        since = now.isoformat()
        me = Holder(self.run, self.who, self.what, since, since, self.here(), os.getpid())
        self._tag = self.store.put_unless_changed(self.key, _written(me), kept.tag if kept else "")
        if self._tag:
            self._holder = me
            return None
        return _read(self.store.get(self.key)) or me

    def holder(self) -> Holder | None:
        """Who has it now, for whoever only wants to know; None when it may be taken."""
        holder = _read(self.store.get(self.key))
        if holder and is_free(holder, self.clock(), self.here(), self.alive):
            return None
        return holder

    def renew(self) -> bool:
        """Say that we are still at it; False when the lock is no longer ours."""
        if not self._holder:
            return False
        renewed = replace(self._holder, renewed=self.clock().isoformat())
        self._tag = self.store.put_unless_changed(self.key, _written(renewed), self._tag)
        return bool(self._tag)

    def release(self) -> None:
        """Give it back, if it is still ours."""
        holder, self._holder = self._holder, None
        if not holder:
            return
        now = _read(self.store.get(self.key))
        if now and now.run == holder.run:
            self.store.delete(self.key)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew it while the body runs, and give it back however that ends."""
        done = threading.Event()
        beat = threading.Thread(target=self._beat, args=(done,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            done.set()
            beat.join()
            self.release()

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(RENEW_SECONDS):
            try:
                if not self.renew():
                    return
            except Trouble:
                continue  # the lease outlasts two lost answers


def living(store: Store, now: datetime, here: str, alive: Callable[[int], bool]) -> set[str]:
    """The runs that hold a lock: what they made is theirs still."""
    holders = (_read(store.get(key)) for key in store.keys("locks/"))
    return {one.run for one in holders if one and not is_free(one, now, here, alive)}


def _written(holder: Holder) -> bytes:
    return (json.dumps(asdict(holder), indent=1) + "\n").encode()


def _read(kept: Kept | None) -> Holder | None:
    """What the lock says; one that cannot be read is nobody's."""
    try:
        return Holder(**json.loads(kept.content)) if kept else None
    except (ValueError, TypeError):
        return None
