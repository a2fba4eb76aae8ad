"""Channels: which image dev, staging and production are to boot from.

A channel is an SSM parameter, /bakehouse/<channel>/web, whose value is an AMI and whose history
says what it was before, why and when. The deciding here is pure; `parameters` asks SSM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse.images.image import VERIFIED
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.images.image import Image

# In the order in which an image passes through them; each but the first takes from the one before.
CHANNELS = ("dev", "staging", "production")

# How an entry's description begins when the channel went back.
BACK = "rolled back from"


class NotPromoted(Trouble):
    """The image may not go there; no channel was moved."""


class NothingBefore(Trouble):
    """There is no image to go back to; the channel was not moved."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a channel was set to, when, and why."""

    image: str
    when: str  # ISO 8601, UTC
    why: str


def trail(history: Sequence[Entry]) -> list[str]:
    """The images that a channel would go back through, the present one last.

    An image that was rolled back from is off the trail, so that going back twice goes back by two
    and never returns to what was bad.

    >>> day = [Entry("a", "", ""), Entry("b", "", ""), Entry("a", "", "rolled back from b: 500s")]
    >>> trail(day)
    ['a']
    """
    steps: list[str] = []
    for entry in history:
        if entry.why.startswith(BACK) and entry.image in steps:
            del steps[steps.index(entry.image) + 1 :]
        elif entry.image in steps:
            steps.remove(entry.image)
            steps.append(entry.image)
        else:
            steps.append(entry.image)
    return steps


def before(channel: str, history: Sequence[Entry], images: Sequence[Image]) -> Image:
    """The image that `channel` goes back to. Raises NothingBefore, saying why each would not do."""
    there = {image.id: image for image in images}
    why_not = []
    for id in reversed(trail(history)[:-1]):
        image = there.get(id)
        if image and image.usable and image.progress == VERIFIED:
            return image
        why_not.append(f"{id} is {_condition(image)}")
    raise NothingBefore(
        f"{channel} has no image to go back to: "
        f"{'; '.join(why_not) or 'it has had no other that was not rolled back from'}.",
        "scripts/image list, then scripts/image promote FROM TO --image ami-...",
    )


def _condition(image: Image | None) -> str:
    if not image:
        return "gone"
    return image.state if image.state != "available" else image.progress


def refusal(image: Image, origin: str, history: Sequence[Entry]) -> str:
    """Why an image may not be promoted from the channel with that history; empty when it may."""
    unfit = unfit_because(image)
    if unfit:
        return unfit
    if image.id not in {entry.image for entry in history}:
        return f"{image.id} was never in {origin}"
    if image.id not in trail(history):
        return f"{image.id} was rolled back from in {origin}"
    return ""


def unfit_because(image: Image) -> str:
    """Why an image may go nowhere; empty when it was verified and can be launched."""
    if image.state != "available":
        return f"{image.id} is {image.state}"
    if image.progress != VERIFIED:
        return f"{image.id} is {image.progress}: no fresh host of it was tested"
    return ""


def origin_of(channel: str) -> str:
    """The channel that an image must have been in before; empty for the first.

    >>> origin_of("production"), origin_of("dev")
    ('staging', '')
    """
    place = CHANNELS.index(channel)
    return CHANNELS[place - 1] if place else ""
