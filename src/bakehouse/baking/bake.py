"""Bake an image: build it, boot it, and let nobody have it before it passed.

A bake has a run of its own: a name that is written on all that it makes on the way, and a folder
build/bake/<run>/ with what packer was given and what it said. However a bake ends, what it made on
the way is looked for by that name afterwards, and taken away; what a bake that was killed left, the
next one takes away.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bakehouse.images import leftovers
from bakehouse.images.image import QUARANTINED, STATE, Image, Wanted
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from bakehouse.images.leftovers import Leftovers, Whose
    from bakehouse.images.record import Verification
    from bakehouse.progress import Progress

# Why an image is in quarantine, on the image.
REASON = "bakehouse:reason"


class Account(Protocol):
    """What the verb needs of AWS; `bakehouse.images.account.Images` has it."""

    def harden(self, id: str) -> str:
        """Make a finished image fit for hosts; returns what could not be had."""

    def image(self, id: str) -> Image:
        """One image, as it is now."""

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        """Write tags on an image and its snapshots."""

    def leftovers(self, whose: Whose) -> Leftovers:
        """What those runs left."""

    def remove(self, left: Leftovers, run: str) -> None:
        """Take it away."""


class NotVerified(Trouble):
    """A fresh host of the image did not pass. The image is gone, or in quarantine if asked."""


@dataclass(frozen=True, slots=True)
class Run:
    """One bake."""

    id: str
    folder: Path
    image_name: str

    @property
    def key_pair(self) -> str:
        """The temporary key pair's name."""
        return f"bakehouse-{self.id}"

    @property
    def canary(self) -> str:
        """A secret that is in the bake's environment, and must be nowhere on the image's disk.

        It can be worked out from the run's name, so that an image can be asked for it later.
        """
        return canary_of(self.id)


def canary_of(run: str) -> str:
    """The canary of that run; it opens nothing."""
    return hashlib.sha256(f"bakehouse canary {run}".encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Stages:
    """What a bake does; each is done when the one before it went well."""

    build: Callable[[], str]  # returns the image's id
    verify: Callable[[Image], Verification] | None  # raises NotVerified
    record: Callable[[Image, Verification | None], None]  # the image is someone's from here on


def bake(
    run: Run, account: Account, stages: Stages, progress: Progress, *, quarantine: bool = False
) -> str:
    """Build the image, make it fit, verify and record it; returns its id.

    However this ends, also by an interrupt, nothing of the run is left but a good image; or, with
    `quarantine`, one that did not pass and says so.
    """
    try:
        id = stages.build()
        progress.now("Checking what the image lets in")
        missing = account.harden(id)
        if missing:
            progress.say(f"note: {missing}")
        check_and_record(run, account, account.image(id), stages, progress, quarantine=quarantine)
    except BaseException:
        leftovers.sweep(account, leftovers.of(run.id), run.id, progress)
        raise
    leftovers.sweep(account, leftovers.of(run.id), run.id, progress)
    return id


def check_and_record(
    run: Run,
    account: Account,
    image: Image,
    stages: Stages,
    progress: Progress,
    *,
    quarantine: bool = False,
) -> None:
    """The stages that an image passes once it is built."""
    try:
        how = stages.verify(image) if stages.verify else None
    except NotVerified as failed:
        if quarantine:
            first = str(failed.args[0]).splitlines()[0]
            account.mark(image, {STATE: QUARANTINED, REASON: first[:250]})
            progress.say(f"kept in quarantine: {image.id}")
        raise
    progress.now("Recording what is in the image")
    stages.record(image, how)


def new_run(root: Path, want: Wanted, now: datetime) -> Run:
    """A run that begins now."""
    id = f"{now:%Y%m%d-%H%M%S}-{want.content_hash[:6]}"
    return Run(id=id, folder=root / "build/bake" / id, image_name=want.name(now))
