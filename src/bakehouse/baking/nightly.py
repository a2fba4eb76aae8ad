"""The nightly bake: once a night, alone, told to people when something changed or failed.

After so many failures in a row it stops, says so once, and does nothing until a person has it go
on: a bake that fails every night is an alarm that nobody reads any more. What one night leaves for
the next lies in the bucket, so that it does not matter which machine has the timer.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from bakehouse.images.channels import CHANNELS
from bakehouse.images.garbage import time_of
from bakehouse.images.image import VERIFIED, Reuse, decide
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bakehouse.images.image import Image, Wanted
    from bakehouse.images.store import Kept

# A timer that is an hour late is no news; one that has missed a night is.
OVERDUE = timedelta(hours=36)

RUNBOOK = "docs/runbooks/nightly-bake-failed.md"
_TERMINAL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\n\t -~\u00a0-\U0010ffff]")
_NEVER_ENDED = "it began and never ended: killed, or its machine went down"
_INTERRUPTED = "interrupted: Ctrl-C, systemctl stop, or the timer's limit of time"


class Stopped(Trouble):
    """It failed too often in a row; nothing was tried tonight."""


class NotTold(Trouble):
    """The image is verified and published, and nobody was told."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What one night leaves for the next."""

    failures: int = 0  # in a row
    when: str = ""  # the last night began, ISO 8601, UTC; empty when there was none
    why: str = ""  # it failed; empty when it went well
    told: bool = False  # people know of the last failure


@dataclass(frozen=True, slots=True)
class Night:
    """What came of a bake."""

    image: str
    changed: bool  # the channel says it since tonight
    lines: tuple[str, ...] = ()  # the difference from the image before, for a person


class Store(Protocol):
    """What this needs of the bucket; `bakehouse.images.store.Store` has it."""

    def get(self, key: str) -> Kept | None:
        """An object, or None."""

    def put(self, key: str, content: bytes) -> str:
        """Write an object."""


@dataclass(frozen=True, slots=True)
class Evening:
    """One night's circumstances; all of them are for tests to replace."""

    store: Store
    channel: str
    most: int  # failures in a row, then it stops
    now: datetime
    tell: Callable[[str, str], str]  # a subject and a text; returns why nobody was told, or nothing
    say: Callable[[str], None]  # to whoever watches

    @property
    def when(self) -> str:
        """The time, as it is noted."""
        return self.now.isoformat(timespec="seconds")


def night(evening: Evening, bake: Callable[[], Night]) -> Night:
    """Bake, note how it ended, and tell.

    The night counts as failed from its first moment until it went well: one that is killed counts
    too. Raises Stopped, without baking, after `most` failures in a row; what `bake` raises goes on
    after it was noted and told; NotTold when all went well but the telling.
    """
    notes = read(evening.store, evening.channel)
    if notes.failures >= evening.most:
        raise _stopped(evening, notes)
    begun = Notes(notes.failures + 1, evening.when, _NEVER_ENDED)
    write(evening.store, evening.channel, begun)
    try:
        done = bake()
    except BaseException as error:
        why = _INTERRUPTED if isinstance(error, KeyboardInterrupt) else str(error) or repr(error)
        _failed(evening, replace(begun, why=plain(why)))
        raise
    write(evening.store, evening.channel, Notes(0, evening.when))
    if done.changed:
        _told(evening, done)
    return done


def _stopped(evening: Evening, notes: Notes) -> Stopped:
    """Why nothing is done tonight; people who were not told of it are told now."""
    if not notes.told:
        _failed(evening, notes)
    return Stopped(
        f"The nightly bake of {evening.channel} has stopped: it failed {notes.failures} times in a "
        f"row, the last time on {notes.when}:\n  {notes.why}",
        f"less {RUNBOOK}; once it is mended: {resuming(evening.channel)}",
    )


def _failed(evening: Evening, notes: Notes) -> None:
    """Tell and note it; neither may hide the failure itself."""
    silent = evening.tell(*bad_news(evening.channel, notes, evening.most))
    if silent:
        evening.say(f"nobody was told: {silent}")
    try:
        write(evening.store, evening.channel, replace(notes, told=not silent))
    except Trouble as trouble:
        evening.say(f"could not note that it failed: {trouble}")


def _told(evening: Evening, done: Night) -> None:
    silent = evening.tell(*good_news(evening.channel, done))
    if silent:
        raise NotTold(
            f"{evening.channel} is moved to {done.image}, and nobody was told: {silent}",
            "aws sns list-topics, then set BAKEHOUSE_TOPIC or --topic",
        )


def bad_news(channel: str, notes: Notes, most: int) -> tuple[str, str]:
    """The subject and the text of a failure."""
    subject = f"Bakehouse: the nightly bake of {channel} failed"
    text = f"{notes.why}\n\nBegun {notes.when}; failure {notes.failures} of {most} in a row."
    if notes.failures >= most:
        subject += ", and stops"
        text += f" It stops now, until somebody types: {resuming(channel)}"
    return subject, f"{text}\n{channel} says the image that it said before. Runbook: {RUNBOOK}\n"


def good_news(channel: str, done: Night) -> tuple[str, str]:
    """The subject and the text of a new image."""
    then = next((to for of, to in pairwise(CHANNELS) if of == channel), "")
    promote = [f"next: scripts/image promote {channel} {then}"] if then else []
    return f"Bakehouse: {channel} has a new image", "\n".join(
        (f"{channel} is moved to {done.image}, verified.", "", *done.lines, "", *promote, "")
    )


def plain(text: str) -> str:
    r"""The text without what only a terminal understands: a host's console is full of it.

    >>> plain("[\x1b[0;32m  OK  \x1b[0m] Reached target\r")
    '[  OK  ] Reached target'
    """
    return _TERMINAL.sub("", text)


def resuming(channel: str) -> str:
    """What to type so that it goes on.

    >>> resuming("dev"), resuming("staging")
    ('scripts/nightly --resume', 'scripts/nightly --resume --channel staging')
    """
    named = "" if channel == CHANNELS[0] else f" --channel {channel}"
    return f"scripts/nightly --resume{named}"


def resume(store: Store, channel: str) -> Notes:
    """Have it go on; returns what it had stopped for."""
    notes = read(store, channel)
    write(store, channel, replace(notes, failures=0, told=False))
    return notes


def standing(notes: Notes, channel: str, most: int, now: datetime) -> tuple[bool, list[str]]:
    """Whether all is well, and how it stands, for a person."""
    if not notes.when:
        return False, [f"The nightly bake of {channel} has never run.", "  next: scripts/nightly"]
    well, how = _how(notes, most, now)
    lines = [f"The nightly bake of {channel}: {how}", f"  last  {notes.when}"]
    lines += [f"  why   {line}" for line in notes.why.splitlines()[:1]]
    return well, lines if well else [*lines, f"  next: less {RUNBOOK}"]


def _how(notes: Notes, most: int, now: datetime) -> tuple[bool, str]:
    if notes.failures >= most:
        return False, f"STOPPED after {notes.failures} failures in a row"
    if now - time_of(notes.when) > OVERDUE:
        return False, "overdue: its timer did not run, or could not begin"
    if notes.failures:
        return False, f"failed {notes.failures} of {most} times in a row; tried again tonight"
    if notes.why:
        return True, "failed, and was taken up again; tried tonight"
    return True, "well"


def outdated(want: Wanted, baked: Sequence[Image], now: datetime, days: float) -> str:
    """Why an unchanged image is baked anew all the same; empty when it is not.

    Debian's packages are no input of an image, so its age says when they have moved on.
    """
    step = decide(want, baked)
    if not isinstance(step, Reuse) or step.image.progress != VERIFIED:
        return ""
    age = now - time_of(step.image.created)
    if age <= timedelta(days=days):
        return ""
    return f"{step.image.id} is {age.days} days old, and Debian's packages are no input"


def read(store: Store, channel: str) -> Notes:
    """The notes of the last night; those that cannot be read are none."""
    kept = store.get(_key(channel))
    try:
        return Notes(**json.loads(kept.content)) if kept else Notes()
    except (ValueError, TypeError):
        return Notes()


def write(store: Store, channel: str, notes: Notes) -> None:
    """Leave notes for the next night."""
    store.put(_key(channel), (json.dumps(asdict(notes), indent=1) + "\n").encode())


def _key(channel: str) -> str:
    return f"nightly/{channel}.json"
