"""One holder at a time, whoever is killed, and nobody waits for the dead for long."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bakehouse.images.lock import LEASE, Lock, living
from bakehouse.images.store import Kept

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass
class PretendStore:
    """A bucket in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def get(self, key: str) -> Kept | None:
        content = self.objects.get(key)
        return None if content is None else Kept(content, str(hash(content)))

    def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
        there = self.get(key)
        if (there.tag if there else "") != seen:
            return ""
        self.objects[key] = content
        return str(hash(content))

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def lock(
    store: PretendStore, run: str, clock: Clock, *, machine: str = "build-1", lives: bool = True
) -> Lock:
    return Lock(
        store, "locks/id.json", run, "ann@build", "bake", clock, lambda: machine, lambda _: lives
    )


def test_one_of_two_gets_it_and_the_other_learns_who_has_it() -> None:
    store, clock = PretendStore(), Clock()
    assert lock(store, "run-1", clock).take() is None
    holder = lock(store, "run-2", clock).take()
    assert holder
    assert str(holder) == (
        "ann@build has held the lock since 2026-11-27T12:00:00+00:00 to bake (run run-1)"
    )


def test_two_who_look_at_the_same_moment_do_not_both_get_it() -> None:
    store, clock = PretendStore(), Clock()

    class Slow(PretendStore):
        def get(self, key: str) -> Kept | None:
            return store.get(key)

        def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
            lock(store, "run-1", clock).take()  # faster, between the look and the write
            return store.put_unless_changed(key, content, seen)

    holder = lock(Slow(), "run-2", clock).take()
    assert holder and holder.run == "run-1"


def test_who_is_done_gives_it_back() -> None:
    store, clock = PretendStore(), Clock()
    first = lock(store, "run-1", clock)
    assert first.take() is None
    first.release()
    assert lock(store, "run-2", clock).take() is None


def test_who_renews_it_keeps_it_and_who_was_killed_loses_it() -> None:
    store, clock = PretendStore(), Clock()
    first, second = lock(store, "run-1", clock), lock(store, "run-2", clock, machine="other")
    first.take()
    clock.now += LEASE - timedelta(seconds=1)
    assert first.renew()
    clock.now += LEASE - timedelta(seconds=1)
    assert second.take()
    clock.now += timedelta(seconds=2)
    assert second.take() is None
    assert not first.renew()


def test_a_holder_that_died_on_this_machine_is_not_waited_for() -> None:
    store, clock = PretendStore(), Clock()
    lock(store, "run-1", clock).take()
    assert lock(store, "run-2", clock, machine="build-2", lives=False).take()
    assert lock(store, "run-3", clock, machine="build-1", lives=False).take() is None


def test_who_lost_it_does_not_give_away_what_is_anothers() -> None:
    store, clock = PretendStore(), Clock()
    first, second = lock(store, "run-1", clock), lock(store, "run-2", clock, machine="other")
    first.take()
    clock.now += LEASE + timedelta(seconds=1)
    second.take()
    first.release()
    assert lock(store, "run-3", clock).take()


def test_a_lock_that_cannot_be_read_stops_nobody() -> None:
    store = PretendStore({"locks/id.json": b"<html>"})
    assert lock(store, "run-1", Clock()).take() is None


def test_the_runs_that_go_on_are_those_that_hold_a_lock() -> None:
    store, clock = PretendStore(), Clock()
    lock(store, "run-1", clock).take()
    assert living(store, NOON, "elsewhere", lambda _: True) == {"run-1"}
    assert living(store, NOON + LEASE * 2, "elsewhere", lambda _: True) == set()
