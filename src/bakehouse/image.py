"""What an image is to us, and whether one that was baked before will do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

# Provenance, on the image and its snapshots.
COMMIT = "bakehouse:commit"
DIRTY = "bakehouse:dirty"
BASE = "bakehouse:base-ami"
HASH = "bakehouse:content-hash"
RELEASE = "bakehouse:release"
# Which bake it comes from; also on all that a bake makes on the way, so that it can be found.
RUN = "bakehouse:run"

ROLE = "web"

# Where Debian publishes its images. The name of a new one sorts after the old ones.
DEBIAN_ACCOUNT = "136693071363"
DISTRIBUTIONS = ("debian-13", "debian-12")


@dataclass(frozen=True, slots=True)
class Image:
    """An AMI."""

    id: str
    name: str
    created: str  # ISO 8601, UTC
    tags: Mapping[str, str] = field(default_factory=dict)
    state: str = "available"
    snapshots: tuple[str, ...] = ()
    public: bool = False
    imdsv2: bool = False  # hosts of it answer metadata requests only with a token


@dataclass(frozen=True, slots=True)
class Wanted:
    """The image that is asked for, before anything is made."""

    distribution: str
    base: Image
    release: str
    content_hash: str
    commit: str
    dirty: bool

    def name(self, now: datetime) -> str:
        """The image's name: unique to the second, and never longer than AWS's 128 characters."""
        return f"bakehouse-{ROLE}-{self.distribution}-{now:%Y%m%d-%H%M%S}"

    def tags(self, name: str, run: str) -> dict[str, str]:
        """What is written on the image, so that anyone can tell where it comes from."""
        return {
            "Name": name,
            "Role": ROLE,
            COMMIT: self.commit,
            DIRTY: str(self.dirty).lower(),
            BASE: self.base.id,
            HASH: self.content_hash,
            RELEASE: self.release,
            RUN: run,
        }


@dataclass(frozen=True, slots=True)
class Reuse:
    """The image is there already."""

    image: Image


@dataclass(frozen=True, slots=True)
class Bake:
    """It must be made; `why` is for a person."""

    why: str


def decide(wanted: Wanted, baked: Sequence[Image], *, force: bool = False) -> Reuse | Bake:
    """Whether an image of `baked` (own images, any order) is what is wanted."""
    if force:
        return Bake("asked for with --force")
    same = [image for image in baked if image.tags.get(HASH) == wanted.content_hash]
    usable = [
        image
        for image in same
        if image.state == "available" and image.tags.get(BASE) == wanted.base.id
    ]
    if usable:
        return Reuse(newest(usable))
    if not baked:
        return Bake("there is no image yet")
    if any(image.tags.get(BASE) == wanted.base.id for image in baked):
        return Bake("the roles, the packer files or the release changed")
    return Bake("the base image changed")


def newest(images: Sequence[Image]) -> Image:
    """The one made last; `images` must not be empty."""
    return max(images, key=lambda image: (image.created, image.name))
