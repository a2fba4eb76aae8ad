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
WHO = "bakehouse:who"
# Which bake it comes from; also on all that a bake makes on the way, so that it can be found.
RUN = "bakehouse:run"

# How far an image has come. An image without the tag is older than the tag, and unverified.
STATE = "bakehouse:state"
BAKING = "baking"  # nobody's yet: its bake goes on, or was killed
UNVERIFIED = "unverified"  # made, and booted by nobody
VERIFIED = "verified"  # a fresh host of it passed every test
QUARANTINED = "quarantined"  # a fresh host of it failed, and it was kept to be looked at

# When an image was set aside, and by whom it must not be; `scripts/image gc` reads them.
DEPRECATED = "bakehouse:deprecated"
DISABLED = "bakehouse:disabled"
PROTECTED = "bakehouse:protected"

# Of which image this is a copy: region/ami. And on the original: the copy, for each region.
COPY_OF = "bakehouse:copy-of"
COPY_IN = "bakehouse:copy-in:"
# The key of KMS that a copy was asked to be encrypted with; without the tag, the region's own.
COPY_KEY = "bakehouse:copy-key"

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

    @property
    def progress(self) -> str:
        """How far it has come: `bakehouse:state`."""
        return self.tags.get(STATE, UNVERIFIED)

    @property
    def usable(self) -> bool:
        """Whether hosts may be launched from it."""
        fit = self.state == "available" and DISABLED not in self.tags
        return fit and self.progress in (UNVERIFIED, VERIFIED)

    @property
    def family(self) -> str:
        """The distribution, as the name has it.

        >>> Image("ami-1", "bakehouse-web-debian-13-20261127-120000", "").family
        'debian-13'
        """
        return "-".join(self.name.split("-")[2:4])


@dataclass(frozen=True, slots=True)
class Wanted:
    """The image that is asked for, before anything is made."""

    distribution: str
    base: Image
    release: str
    content_hash: str
    commit: str
    dirty: bool
    inputs: Mapping[str, str] = field(default_factory=dict)  # what the identity is made of
    tools: Mapping[str, str] = field(default_factory=dict)  # and the versions of what makes it
    who: str = ""

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
            WHO: self.who,
            STATE: BAKING,
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
    usable = [image for image in same if image.usable and image.tags.get(BASE) == wanted.base.id]
    if usable:
        verified = [image for image in usable if image.progress == VERIFIED]
        return Reuse(newest(verified or usable))
    if not baked:
        return Bake("there is no image yet")
    if any(image.tags.get(BASE) == wanted.base.id for image in baked):
        return Bake("the roles, the packer files or the release changed")
    return Bake("the base image changed")


def copies_of(image: Image) -> list[tuple[str, str]]:
    """Where copies of it were made: regions, and their ids there.

    >>> copies_of(Image("ami-1", "", "", {"bakehouse:copy-in:eu-west-1": "ami-2"}))
    [('eu-west-1', 'ami-2')]
    """
    named = ((key.removeprefix(COPY_IN), id) for key, id in image.tags.items() if COPY_IN in key)
    return sorted(named)


def newest(images: Sequence[Image]) -> Image:
    """The one made last; `images` must not be empty."""
    return max(images, key=lambda image: (image.created, image.name))
