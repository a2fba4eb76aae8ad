"""The whole way of an image: look whether there is one, wait for whoever bakes it, bake, publish.

What it needs of the world is in `Kitchen`, so that all of it can be tried without a cloud.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse.baking.bake import Run, Stages, bake, check_and_record, new_run
from bakehouse.images import leftovers, lock
from bakehouse.images.image import VERIFIED, Image, Reuse, Wanted, decide
from bakehouse.images.keep import describe, keep, report_in
from bakehouse.images.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from bakehouse.images.account import Images
    from bakehouse.images.parameters import Channels
    from bakehouse.images.record import Verification
    from bakehouse.images.store import Store
    from bakehouse.progress import Progress


@dataclass(frozen=True, slots=True)
class Kitchen:
    """The world that a bake happens in; `now` and `pause` are for tests to replace."""

    root: Path
    images: Images
    store: Store
    channels: Channels
    progress: Progress
    build: Callable[[Run, Wanted], tuple[str, str]]  # an image's id, and the list of its packages
    verify: Callable[[Run, Image], Verification]
    now: Callable[[], datetime]
    pause: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a bake."""

    force: bool = False
    verify: bool = True
    quarantine: bool = False
    channel: str = "dev"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    image: Image
    how: str  # for a person: "baked in", "found unchanged in"
    channel: str = ""  # the channel that was moved to it; empty when none was


def serve(kitchen: Kitchen, want: Wanted, order: Order) -> Outcome:
    """The wanted image: found, or baked, verified and published.

    Raises Trouble when there is none in the end; nothing of the attempt is left then.
    """
    found = _found(kitchen, want, order)
    if found:
        return _published(kitchen, want, order, Outcome(found, "found unchanged in"))
    kitchen.store.check()
    run = new_run(kitchen.root, want, kitchen.now())
    guard = Lock(
        kitchen.store, f"locks/{want.content_hash}.json", run.id, want.who, f"bake {run.image_name}"
    )
    taken = _wait(kitchen, guard, lambda: None if order.force else _found(kitchen, want, order))
    if taken:
        return _published(kitchen, want, order, Outcome(taken, "taken from another bake after"))
    with guard.kept():
        sweep_the_dead(kitchen)
        return _published(kitchen, want, order, _make(kitchen, run, want, order))


def _found(kitchen: Kitchen, want: Wanted, order: Order) -> Image | None:
    """An image that will do as it is."""
    step = decide(want, kitchen.images.baked(), force=order.force)
    if not isinstance(step, Reuse) or (order.verify and step.image.progress != VERIFIED):
        return None
    return step.image


def _wait(kitchen: Kitchen, guard: Lock, look: Callable[[], Image | None]) -> Image | None:
    """Until the lock is ours (None), or whoever has it made the image that is wanted."""
    said = ""
    while True:
        holder = guard.take()
        if holder is None:
            found = look()  # it may have been made between our look and our lock
            if found:
                guard.release()
            return found
        if str(holder) != said:
            said = str(holder)
            kitchen.progress.now("Waiting for another bake of the same image")
            kitchen.progress.say(said)
        kitchen.pause(2)
        found = look()
        if found:
            return found


def _make(kitchen: Kitchen, run: Run, want: Wanted, order: Order) -> Outcome:
    """Verify an image that was made without, or else make one."""
    step = decide(want, kitchen.images.baked(), force=order.force)
    if isinstance(step, Reuse):
        kitchen.progress.say(f"{step.image.id} is there, and nobody has verified it")
        _catch_up(kitchen, run, step.image)
        return Outcome(kitchen.images.image(step.image.id), "found, and verified in")
    run.folder.mkdir(parents=True, exist_ok=True)
    listed: list[str] = []

    def build() -> str:
        id, packages = kitchen.build(run, want)
        listed.append(packages)
        return id

    def record(image: Image, how: Verification | None) -> None:
        written = describe(image, want, run.id, kitchen.images.region, listed[0])
        written = written.verified(how) if how else written
        keep(kitchen.store, kitchen.images, image, written, report_in(run.folder))

    stages = Stages(build, _verifier(kitchen, run) if order.verify else None, record)
    id = bake(run, kitchen.images, stages, kitchen.progress, quarantine=order.quarantine)
    return Outcome(kitchen.images.image(id), "baked in")


def _verifier(kitchen: Kitchen, run: Run) -> Callable[[Image], Verification]:
    return lambda image: kitchen.verify(run, image)


def _catch_up(kitchen: Kitchen, run: Run, image: Image) -> None:
    """Verify an image that is finished, and add that to its record.

    One that fails is put in quarantine and not taken away: hosts may run from it.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    written = kitchen.store.record(image)

    def record(image: Image, how: Verification | None) -> None:
        done = written.verified(how) if how else written
        keep(kitchen.store, kitchen.images, image, done, report_in(run.folder))

    stages = Stages(lambda: image.id, _verifier(kitchen, run), record)
    try:
        check_and_record(run, kitchen.images, image, stages, kitchen.progress, quarantine=True)
    finally:
        leftovers.sweep(kitchen.images, leftovers.of(run.id), run.id, kitchen.progress)


def _published(kitchen: Kitchen, want: Wanted, order: Order, outcome: Outcome) -> Outcome:
    """Let the channel say the image, last of all and once.

    An image that the channel has said before was moved on from by somebody, perhaps because it was
    bad: finding it unchanged is no reason to go back to it.
    """
    if outcome.image.progress != VERIFIED or not order.channel:
        return outcome
    history = kitchen.channels.history(order.channel)
    if outcome.image.id in {entry.image for entry in history}:
        return outcome
    why = f"baked from {want.commit[:12]}{' and changes to it' if want.dirty else ''} by {want.who}"
    kitchen.channels.move(order.channel, outcome.image.id, why)
    return Outcome(outcome.image, outcome.how, order.channel)


def sweep_the_dead(kitchen: Kitchen) -> bool:
    """Take away what bakes left that were killed; those that go on keep what they have."""
    living = lock.living(kitchen.store, lock.utc_now(), lock.this_machine(), lock.is_alive)
    whose = leftovers.of_the_dead(living)
    return leftovers.sweep(kitchen.images, whose, "swept", kitchen.progress)
