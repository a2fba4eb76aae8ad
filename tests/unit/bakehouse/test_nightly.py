"""A night that fails counts, however it fails; too many stop it; a person has it go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bakehouse.baking.nightly import (
    Evening,
    Night,
    Notes,
    NotTold,
    Stopped,
    night,
    outdated,
    read,
    resume,
    standing,
    write,
)
from bakehouse.images.image import BASE, HASH, STATE, UNVERIFIED, VERIFIED, Image, Wanted
from bakehouse.images.store import Kept
from bakehouse.trouble import Trouble

NOW = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)
NEW = Night("ami-new", True, ("packages: 1 added",))
SAME = Night("ami-old", False)


@dataclass
class Bucket:
    """A bucket in memory; one that is `down` takes nothing."""

    objects: dict[str, bytes] = field(default_factory=dict)
    down: bool = False

    def get(self, key: str) -> Kept | None:
        content = self.objects.get(key)
        return None if content is None else Kept(content, "")

    def put(self, key: str, content: bytes) -> str:
        if self.down:
            raise Trouble("AWS does not answer")
        self.objects[key] = content
        return ""


@dataclass
class People:
    """Who is told; those that are `deaf` cannot be reached."""

    heard: list[tuple[str, str]] = field(default_factory=list)
    deaf: str = ""
    seen: list[str] = field(default_factory=list)

    def tell(self, subject: str, text: str) -> str:
        if not self.deaf:
            self.heard.append((subject, text))
        return self.deaf


def evening(bucket: Bucket, people: People, day: int = 0) -> Evening:
    now = NOW + timedelta(days=day)
    return Evening(bucket, "dev", 3, now, people.tell, people.seen.append)


def failing(error: BaseException) -> Night:
    raise error


def fail(bucket: Bucket, people: People, nights: int = 1, first: int = 0) -> None:
    for day in range(first, first + nights):
        with pytest.raises(Trouble, match="mirror"):
            night(evening(bucket, people, day), lambda: failing(Trouble("no mirror answers")))


def test_a_new_image_is_told_with_what_differs_and_what_to_type() -> None:
    bucket, people = Bucket(), People()
    assert night(evening(bucket, people), lambda: NEW) == NEW
    ((subject, text),) = people.heard
    assert subject == "Bakehouse: dev has a new image"
    for said in ("ami-new", "packages: 1 added", "scripts/image promote dev staging"):
        assert said in text


def test_an_unchanged_night_tells_nobody() -> None:
    bucket, people = Bucket(), People()
    assert night(evening(bucket, people), lambda: SAME) == SAME
    assert people.heard == []
    assert read(bucket, "dev") == Notes(0, "2026-11-27T02:30:00+00:00")


def test_each_failure_is_told_and_the_last_one_says_that_it_stops() -> None:
    bucket, people = Bucket(), People()
    fail(bucket, people, nights=3)
    assert [subject.rpartition("dev ")[2] for subject, _ in people.heard] == [
        "failed",
        "failed",
        "failed, and stops",
    ]
    assert "no mirror answers" in people.heard[0][1]
    assert "failure 1 of 3" in people.heard[0][1]
    assert "scripts/nightly --resume" in people.heard[2][1]


def test_after_three_failures_nothing_is_tried_and_nobody_is_told_again() -> None:
    bucket, people = Bucket(), People()
    fail(bucket, people, nights=3)
    tried: list[str] = []
    with pytest.raises(Stopped, match=r"3 times in a row(.|\n)*no mirror(.|\n)*--resume"):
        night(evening(bucket, people, 3), lambda: tried.append("baked") or NEW)  # type: ignore[func-returns-value] # a bake that would be noticed
    assert tried == []
    assert len(people.heard) == 3


def test_a_night_that_goes_well_ends_the_row() -> None:
    bucket, people = Bucket(), People()
    fail(bucket, people, nights=2)
    night(evening(bucket, people, 2), lambda: SAME)
    fail(bucket, people, nights=2, first=3)
    assert night(evening(bucket, people, 5), lambda: NEW) == NEW


def test_a_person_has_it_go_on() -> None:
    bucket, people = Bucket(), People()
    fail(bucket, people, nights=3)
    assert resume(bucket, "dev").failures == 3
    assert night(evening(bucket, people, 4), lambda: NEW) == NEW


@pytest.mark.parametrize(
    ("case", "error", "noted"),
    [
        ("a host's console", Trouble("its console: [\x1b[0;32m  OK  \x1b[0m]"), "[  OK  ]"),
        ("a full disk", OSError(28, "No space left on device"), "No space left"),
        ("a mistake of ours", AssertionError(), "AssertionError()"),
        ("the timer's limit", KeyboardInterrupt(), "interrupted"),
    ],
)
def test_whatever_ends_a_night_counts_and_is_told(
    case: str, error: BaseException, noted: str
) -> None:
    bucket, people = Bucket(), People()
    with pytest.raises(type(error)):
        night(evening(bucket, people), lambda: failing(error))
    notes = read(bucket, "dev")
    assert (notes.failures, notes.told) == (1, True), case
    assert noted in notes.why
    assert noted in people.heard[0][1]


class Killed(BaseException):
    """SIGKILL: nothing of the process runs on."""


def killed(bucket: Bucket, day: int) -> None:
    """A night of a process that is gone in the middle, with all that it would have done."""
    kept: dict[str, bytes] = {}

    def bake() -> Night:
        kept.update(bucket.objects)
        raise Killed

    with pytest.raises(Killed):
        night(evening(bucket, People(), day), bake)
    bucket.objects = kept


def test_nights_that_are_killed_count_too_and_it_is_told_once_that_it_stops() -> None:
    bucket, people = Bucket(), People()
    for day in range(3):
        killed(bucket, day)
    for day in (3, 4):
        with pytest.raises(Stopped, match="never ended"):
            night(evening(bucket, people, day), lambda: NEW)
    ((subject, text),) = people.heard
    assert subject.endswith("failed, and stops")
    assert "never ended" in text


def test_a_failure_is_not_hidden_by_a_bucket_or_a_topic_that_does_not_answer() -> None:
    bucket, people = Bucket(), People(deaf="no such topic")

    def bake() -> Night:
        bucket.down = True
        raise Trouble("no mirror answers")

    with pytest.raises(Trouble, match="no mirror"):
        night(evening(bucket, people), bake)
    assert people.seen == [
        "nobody was told: no such topic",
        "could not note that it failed: AWS does not answer",
    ]
    assert read(bucket, "dev").failures == 1


def test_an_image_that_nobody_could_be_told_of_is_no_failed_night_and_no_silence() -> None:
    bucket, people = Bucket(), People(deaf="no such topic")
    with pytest.raises(NotTold, match="moved to ami-new, and nobody was told: no such topic"):
        night(evening(bucket, people), lambda: NEW)
    assert read(bucket, "dev").failures == 0


def test_notes_that_cannot_be_read_stop_nothing() -> None:
    bucket = Bucket({"nightly/dev.json": b"<html>"})
    assert night(evening(bucket, People()), lambda: SAME) == SAME


@pytest.mark.parametrize(
    ("notes", "well", "said"),
    [
        (Notes(), False, "has never run"),
        (Notes(0, "2026-11-26T02:30:00+00:00"), True, ": well"),
        (Notes(0, "2026-11-25T02:30:00+00:00"), False, "overdue"),
        (Notes(1, "2026-11-27T02:30:00+00:00", "no mirror"), False, "failed 1 of 3"),
        (Notes(3, "2026-11-20T02:30:00+00:00", "no mirror\nand more"), False, "STOPPED after 3"),
        (Notes(0, "2026-11-27T02:30:00+00:00", "no mirror"), True, "taken up again"),
    ],
)
def test_how_it_stands_is_said_and_what_is_not_well_names_what_to_read(
    notes: Notes, well: bool, said: str
) -> None:
    found, lines = standing(notes, "dev", 3, NOW)
    assert found is well
    assert said in lines[0]
    assert well or "next:" in lines[-1]
    assert not notes.why or "  why   no mirror" in lines


WANT = Wanted("debian-13", Image("ami-base", "debian", ""), "app-1", "cafe", "c0ffee", False)


def baked(days: float, state: str = VERIFIED, identity: str = "cafe") -> Image:
    created = (NOW - timedelta(days=days)).isoformat()
    return Image("ami-1", "web", created, {STATE: state, HASH: identity, BASE: "ami-base"})


@pytest.mark.parametrize(
    ("reason", "images", "anew"),
    [
        ("unchanged, and young", [baked(6)], ""),
        ("unchanged, and old", [baked(8)], "ami-1 is 8 days old"),
        ("changed: it is baked anyway", [baked(8, identity="beef")], ""),
        ("never verified: it is verified first", [baked(8, UNVERIFIED)], ""),
        ("there is none", [], ""),
    ],
)
def test_an_unchanged_image_is_baked_anew_when_debian_has_moved_on(
    reason: str, images: list[Image], anew: str
) -> None:
    assert outdated(WANT, images, NOW, 7).startswith(anew), reason
    assert bool(outdated(WANT, images, NOW, 7)) is bool(anew), reason


def test_what_was_written_is_read() -> None:
    bucket, notes = Bucket(), Notes(2, "2026-11-27T02:30:00+00:00", "why", True)
    write(bucket, "staging", notes)
    assert read(bucket, "staging") == notes
    assert read(bucket, "dev") == Notes()
