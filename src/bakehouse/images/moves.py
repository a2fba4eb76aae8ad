"""Move channels: publish to the next one, or go back. The deciding is in `channels`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bakehouse.images.channels import (
    BACK,
    CHANNELS,
    NotPromoted,
    before,
    origin_of,
    refusal,
    trail,
    unfit_because,
)
from bakehouse.images.record import BadRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.images.channels import Entry
    from bakehouse.images.image import Image
    from bakehouse.images.record import Record


class Channels(Protocol):
    """What this needs of SSM; `bakehouse.images.parameters.Channels` has it."""

    def history(self, channel: str) -> list[Entry]:
        """What the channel was set to, oldest first."""

    def move(self, channel: str, image: str, why: str) -> None:
        """Let the channel say the image."""


class Records(Protocol):
    """What this needs of the bucket; `bakehouse.images.store.Store` has it."""

    def record(self, image: Image) -> Record:
        """The image's record. Raises BadRecord."""


@dataclass(frozen=True, slots=True)
class Move:
    """A channel's way from one image to another; `image` is the one that it will say."""

    channel: str
    image: Image
    was: str  # empty when it said none
    why: str

    @property
    def needless(self) -> bool:
        """Whether it says so already."""
        return self.was == self.image.id


def promotion(
    origin: str, channel: str, id: str, images: Sequence[Image], world: Channels, records: Records
) -> Move:
    """The move of `origin`'s image (or the one that is named) to `channel`.

    Raises NotPromoted unless it was verified, says so in a record that nobody changed, and was in
    the channel before.
    """
    if origin_of(channel) != origin:
        wanted = origin_of(channel)
        takes = f"takes from {wanted}" if wanted else "is where bakes publish to"
        then = f"scripts/image promote {wanted} {channel}" if wanted else "scripts/bake"
        raise NotPromoted(f"{channel} {takes}, not from {origin}.", then)
    history = world.history(origin)
    id = id or (history[-1].image if history else "")
    found = [image for image in images if image.id == id]
    if not found:
        raise NotPromoted(
            f"{origin} says {id or 'no image'}, and there is none.", "scripts/image list"
        )
    why_not = refusal(found[0], origin, history) or unproven(found[0], records)
    if why_not:
        raise NotPromoted(f"{channel} does not take it: {why_not}.", f"scripts/image show {id}")
    there = world.history(channel)
    return Move(channel, found[0], there[-1].image if there else "", f"promoted from {origin}")


def unproven(image: Image, records: Records) -> str:
    """Why nothing proves that the image was verified; empty when its record does."""
    unfit = unfit_because(image)
    if unfit:
        return unfit
    try:
        record = records.record(image)
    except BadRecord as trouble:
        return str(trouble.args[0]).rstrip(".")
    return "" if record.verification else "its record has no verification"


def rollback(channel: str, images: Sequence[Image], world: Channels, why: str) -> Move:
    """The move of a channel to the image before. Raises NothingBefore."""
    history = world.history(channel)
    image = before(channel, history, images)
    was = trail(history)[-1]
    return Move(channel, image, was, f"{BACK} {was}{f': {why}' if why else ''}")


def named(words: str, images: Sequence[Image], world: Channels) -> Image | None:
    """The image that a person means: an id, a name, or what a channel says."""
    if words in CHANNELS:
        history = world.history(words)
        words = history[-1].image if history else ""
    return next((image for image in images if words in (image.id, image.name)), None)
