"""Copy an image to another region with all that proves it.

An image goes abroad only with the record of its verification: what passed here is what runs there.
A copy has a run of its own until it is finished, so that one that was stopped half way is found
and taken away like a bake's; its record comes before its tags, and the channel last.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from bakehouse.images import leftovers
from bakehouse.images.image import (
    BAKING,
    COPY_IN,
    COPY_KEY,
    COPY_OF,
    DEPRECATED,
    DISABLED,
    RUN,
    STATE,
    VERIFIED,
    Image,
)
from bakehouse.images.keep import REPORT, keep
from bakehouse.images.lock import Lock
from bakehouse.images.moves import unproven
from bakehouse.images.record import DIGEST, RECORD
from bakehouse.images.store import key_of
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from bakehouse.images.leftovers import Leftovers, Whose
    from bakehouse.images.record import Record
    from bakehouse.images.store import Kept
    from bakehouse.progress import Progress

# What is said of an image where it is, and not of its copy.
_LOCAL = {STATE, RUN, RECORD, DIGEST, DEPRECATED, DISABLED, COPY_OF, COPY_KEY}


class NotCopied(Trouble):
    """There is no finished copy; what was made of it was taken away."""


class Images(Protocol):
    """What this needs of a region; `bakehouse.images.account.Images` has it."""

    @property
    def region(self) -> str:
        """Its name."""

    def baked(self) -> list[Image]:
        """Our own images there."""

    def image(self, id: str) -> Image:
        """One image, as it is now."""

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        """Write tags on an image and its snapshots."""

    def harden(self, id: str) -> str:
        """Check that it is private and encrypted; IMDSv2 only."""

    def copy_from(self, region: str, image: Image, tags: Mapping[str, str], key: str) -> str:
        """Begin a copy of an image of that region here; returns the copy's id."""

    def leftovers(self, whose: Whose) -> Leftovers:
        """What those runs left."""

    def remove(self, left: Leftovers, run: str) -> None:
        """Take it away."""


class Store(Protocol):
    """What this needs of a bucket; `bakehouse.images.store.Store` has it."""

    bucket: str

    def check(self) -> None:
        """Raises NoBucket unless it is there."""

    def record(self, image: Image) -> Record:
        """The image's record. Raises BadRecord."""

    def get(self, key: str) -> Kept | None:
        """The object, or None."""

    def put(self, key: str, content: bytes) -> str:
        """Write an object."""

    def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
        """Write it if it is the one that was seen; empty when somebody was faster."""

    def delete(self, key: str) -> None:
        """Take it away."""

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so."""


@dataclass(frozen=True, slots=True)
class Side:
    """A region: its images and its bucket."""

    images: Images
    store: Store


@dataclass(frozen=True, slots=True)
class Trip:
    """A copy from one side to the other; `pause` and `now` are for tests to replace."""

    here: Side
    there: Side
    who: str
    progress: Progress
    now: datetime
    pause: Callable[[float], None]
    key: str = ""  # of KMS there; empty is the region's own


def copy(image: Image, trip: Trip) -> tuple[Image, bool]:
    """The image's copy on the other side, and whether it was made now.

    Raises NotCopied, and leaves nothing behind. A copy that is there already is the answer.
    """
    check(image, trip)
    found = _found(image, trip)
    if found:
        return _linked(image, found, trip), False
    run = f"{trip.now:%Y%m%d-%H%M%S}-{image.id[-6:]}"
    with _alone(image, trip, run), _clean(trip, run):
        made = _bring(image, trip, run)
        _record(image, made, trip)
    return _linked(image, trip.there.images.image(made.id), trip), True


def check(image: Image, trip: Trip) -> None:
    """Raises NotCopied unless the image was verified, as its unchanged record says, and there is
    somewhere to take it to.
    """
    refused = unproven(image, trip.here.store)
    if refused:
        raise NotCopied(f"{image.id} is not copied: {refused}.", f"scripts/image show {image.id}")
    if trip.here.images.region == trip.there.images.region and not trip.key:
        raise NotCopied(
            f"{image.id} is in {trip.here.images.region} already.",
            "name another --region, or another --kms-key",
        )
    trip.there.store.check()


def _found(image: Image, trip: Trip) -> Image | None:
    """A finished copy that is there already, encrypted as this one would be."""
    wanted = (f"{trip.here.images.region}/{image.id}", trip.key)
    for one in trip.there.images.baked():
        said = (one.tags.get(COPY_OF), one.tags.get(COPY_KEY, ""))
        if said == wanted and one.usable and one.progress == VERIFIED:
            return one
    return None


@contextmanager
def _alone(image: Image, trip: Trip, run: str) -> Iterator[None]:
    """One copy of an image at a time; it is also what tells a sweep there that this one lives."""
    what = f"copy {image.id} from {trip.here.images.region} to {trip.there.images.region}"
    guard = Lock(trip.there.store, f"locks/copy-{image.id}.json", run, trip.who, what)
    holder = guard.take()
    if holder:
        raise NotCopied(f"It is being copied: {holder}.", "wait, then run this again")
    with guard.kept():
        yield


@contextmanager
def _clean(trip: Trip, run: str) -> Iterator[None]:
    """Nothing half made is left, also after an interrupt."""
    try:
        yield
    except BaseException:
        leftovers.sweep(trip.there.images, leftovers.of(run), run, trip.progress)
        raise


def _bring(image: Image, trip: Trip, run: str) -> Image:
    """The bare copy, finished by EC2."""
    here, there = trip.here.images, trip.there.images
    carried = {key: value for key, value in image.tags.items() if not _is_local(key)}
    tags = carried | {STATE: BAKING, RUN: run, COPY_OF: f"{here.region}/{image.id}"}
    tags |= {COPY_KEY: trip.key} if trip.key else {}
    trip.progress.now(f"Copying {image.id} from {here.region} to {there.region}")
    id = there.copy_from(here.region, image, tags, trip.key)
    while True:
        trip.pause(5)  # EC2 may not know of it in the first second
        made = there.image(id)
        if made.state != "pending":
            break
    if made.state != "available":
        raise NotCopied(f"EC2 could not copy {image.id}: the copy {made.id} is {made.state}.")
    there.mark(made, tags)  # where the API takes no tags with a copy
    missing = there.harden(made.id)
    if missing:
        trip.progress.say(f"note: {missing}")
    return there.image(made.id)


def _is_local(key: str) -> bool:
    return key in _LOCAL or key.startswith((COPY_IN, "aws:"))


def _record(image: Image, made: Image, trip: Trip) -> None:
    """The original's record, of the copy; with the report, and the tags that finish an image."""
    here, there = trip.here, trip.there
    trip.progress.now("Recording where it comes from")
    written = replace(
        here.store.record(image),
        image=made.id,
        name=made.name,
        region=there.images.region,
        copy_of=f"{here.images.region}/{image.id}",
    )
    report = here.store.get(key_of(image.id, REPORT))
    tags = {RUN: image.tags.get(RUN, "")}
    keep(there.store, there.images, made, written, report.content if report else b"", tags)


def _linked(image: Image, made: Image, trip: Trip) -> Image:
    """Let the original say where its copy is: garbage is not collected that has one."""
    trip.here.images.mark(image, {f"{COPY_IN}{trip.there.images.region}": made.id})
    return made
