"""Bake an image: look at what is there, decide whether one must be made, make it.

A bake has a run of its own: a name that is written on all that it makes on the way, and a folder
build/bake/<run>/ with what packer was given and what it said. However a bake ends, what it made on
the way is looked for by that name afterwards, and taken away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bakehouse.image import RUN, Wanted
from bakehouse.packer import lines_of
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from bakehouse.images import Leftovers
    from bakehouse.packer import Event, Packer
    from bakehouse.progress import Progress


class Account(Protocol):
    """What the verb needs of AWS; `bakehouse.images.Images` has it."""

    def harden(self, id: str) -> str:
        """Make a finished image fit for hosts; returns what could not be had."""

    def leftovers(self, run: str, key_pair: str, groups: set[str]) -> Leftovers:
        """What a bake should have taken away."""

    def half_made(self, run: str, name: str) -> Leftovers:
        """Images and snapshots of a bake that did not end well."""

    def remove(self, left: Leftovers) -> None:
        """Take it away."""


@dataclass(frozen=True, slots=True)
class Run:
    """One bake."""

    id: str
    folder: Path
    image_name: str
    groups: set[str] = field(default_factory=set)  # names of temporary security groups

    @property
    def key_pair(self) -> str:
        """The temporary key pair's name."""
        return f"bakehouse-{self.id}"


def bake(run: Run, account: Account, build: Callable[[], str], progress: Progress) -> str:
    """Build the image and make it fit; returns its id. `build` runs packer.

    However this ends, also by an interrupt, nothing of the run is left but a good image.
    """
    try:
        image = build()
        progress.now("Checking what the image lets in")
        missing = account.harden(image)
    except BaseException:
        sweep(run, account, progress, half_made=True)
        raise
    if missing:
        progress.say(f"note: {missing}")
    sweep(run, account, progress, half_made=False)
    return image


def sweep(run: Run, account: Account, progress: Progress, *, half_made: bool) -> None:
    """Look for what a run left, and take it away; says what it found.

    An AWS that does not answer is said and not raised: the bake has its own reason to fail.
    """
    progress.now("Looking for anything left behind")
    try:
        found = [account.leftovers(run.id, run.key_pair, run.groups)]
        if half_made:
            found.append(account.half_made(run.id, run.image_name))
        for left in filter(None, found):
            progress.say(f"taking away {left}")
            account.remove(left)
    except Trouble as trouble:
        progress.say(f"could not look, or not take all away: {trouble}")
        progress.say(f"what is left carries the tag {RUN}={run.id}")
        return
    if not any(found):
        progress.say("nothing")


class Listener:
    """Hears packer: keeps the whole story in a log, and tells the parts that matter."""

    _GROUP = re.compile(r"temporary security group for this instance: (\S+)")

    def __init__(self, run: Run, progress: Progress) -> None:
        """Write to the run's folder."""
        self._run = run
        self._progress = progress
        self._log = (run.folder / "packer.log").open("a", buffering=1)

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        for line in lines_of(event):
            self._log.write(line + "\n")
            named = self._GROUP.search(line)
            if named:
                self._run.groups.add(named[1])
            self._tell(event.data[0], line)

    # What packer says after the work is done, and scripts/bake says better.
    _CLOSING = ("Build ", "Wait completed", "Builds finished", "-->", "AMIs were created")

    def _tell(self, tone: str, line: str) -> None:
        if line.startswith("Executing Ansible"):
            self._progress.now("Running the playbook")
        elif line.startswith(self._CLOSING):
            return
        elif tone == "say":
            self._progress.now(line.rstrip(".:"))
        elif line.startswith("TASK [") and "Validating arguments" not in line:
            self._progress.detail(line.removeprefix("TASK [").partition("]")[0])
        elif tone == "error":
            self._progress.say(line)


def new_run(root: Path, want: Wanted, now: datetime) -> Run:
    """A run that begins now."""
    id = f"{now:%Y%m%d-%H%M%S}-{want.content_hash[:6]}"
    return Run(id=id, folder=root / "build/bake" / id, image_name=want.name(now))


def build_with(packer: Packer, template: Path, variables: Path) -> Callable[[], str]:
    """What `bake` calls to build."""
    return lambda: packer.bake(template.resolve(), variables.resolve())
