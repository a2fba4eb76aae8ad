"""A copy goes abroad with its proof, or not at all; stopped anywhere, it leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from bakehouse.images.copies import NotCopied, Side, Trip, copy
from bakehouse.images.image import (
    COPY_IN,
    COPY_OF,
    DEPRECATED,
    RUN,
    STATE,
    UNVERIFIED,
    VERIFIED,
    Image,
)
from bakehouse.images.keep import keep
from bakehouse.images.leftovers import Leftovers, Whose
from bakehouse.images.lock import Lock
from bakehouse.images.packages import Package
from bakehouse.images.record import DIGEST, BadRecord, Record, Verification, read
from bakehouse.images.shares import NotShared, check_share
from bakehouse.images.store import Kept
from bakehouse.progress import Progress

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WELL = Verification("2026-11-27", "staging-web", 90, 2, ("/ 200",), ("ids",), 21.5)
NAME = "bakehouse-web-debian-13-20261120-020000"


@dataclass
class Bucket:
    """A bucket in memory."""

    bucket: str
    objects: dict[str, bytes] = field(default_factory=dict)

    def check(self) -> None:
        pass

    def get(self, key: str) -> Kept | None:
        content = self.objects.get(key)
        return None if content is None else Kept(content, str(hash(content)))

    def put(self, key: str, content: bytes) -> str:
        self.objects[key] = content
        return str(hash(content))

    def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
        there = self.get(key)
        return self.put(key, content) if (there.tag if there else "") == seen else ""

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    def record(self, image: Image) -> Record:
        found = self.get(f"images/{image.id}/record.json")
        if not found:
            raise BadRecord(f"{image.id} has no record.")
        return read(found.content, image.tags.get(DIGEST, ""))


class Stop(BaseException):
    """The process is told to stop, at a call that changes something."""


@dataclass
class Region:
    """Images of one region; a copy takes two looks to be finished."""

    region: str
    there: dict[str, Image] = field(default_factory=dict)
    ends: str = "available"  # how a copy ends
    calls: list[str] = field(default_factory=list)
    stop_after: int = 99
    waits: int = 0

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.stop_after + 1:
            raise Stop

    def baked(self) -> list[Image]:
        return list(self.there.values())

    def image(self, id: str) -> Image:
        found = self.there[id]
        if found.state == "pending":
            self.waits += 1
            if self.waits > 2:
                found = self.there[id] = replace(found, state=self.ends, snapshots=(f"s-{id}",))
        return found

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        self._called("mark")
        now = self.there[image.id]
        self.there[image.id] = replace(now, tags={**now.tags, **tags})

    def harden(self, id: str) -> str:
        self._called("harden")
        return ""

    def copy_from(self, region: str, image: Image, tags: Mapping[str, str], key: str) -> str:
        self._called("copy")
        id = f"ami-copy{len(self.there)}"
        self.there[id] = Image(id, image.name + key, NOW.isoformat(), dict(tags), "pending")
        return id

    def leftovers(self, whose: Whose) -> Leftovers:
        half = [one for one in self.there.values() if one.progress == "baking"]
        return Leftovers(images=tuple(one.id for one in half if whose(one.tags[RUN])))

    def remove(self, left: Leftovers, run: str) -> None:
        for id in left.images:
            del self.there[id]


@dataclass
class World:
    here: Region
    there: Region
    stores: tuple[Bucket, Bucket]
    image: Image

    def trip(self, key: str = "") -> Trip:
        return Trip(
            here=Side(self.here, self.stores[0]),
            there=Side(self.there, self.stores[1]),
            who="ann@build",
            progress=Progress(Console(quiet=True)),
            now=NOW,
            pause=lambda _: None,
            key=key,
        )

    def copy(self, key: str = "") -> tuple[Image, bool]:
        return copy(self.here.there[self.image.id], self.trip(key))


def record_of(image: Image, how: Verification | None) -> Record:
    return Record(
        image=image.id,
        name=image.name,
        created=image.created,
        region="us-east-1",
        run="run-1",
        identity="cafe",
        commit="c0ffee",
        dirty=False,
        distribution="debian-13",
        base="ami-base",
        base_name="debian",
        release="app-1",
        who="ann",
        tools={},
        inputs={"roles/a": "6b86"},
        packages=(Package("nginx", "amd64", "1.26", "nginx", "1.26"),),
        verification=how,
    )


def world(how: Verification | None = WELL) -> World:
    """An image in us-east-1 with its record; nothing in eu-west-1."""
    here, there = Region("us-east-1"), Region("eu-west-1")
    stores = (Bucket("records-us"), Bucket("records-eu"))
    old = (NOW - timedelta(days=1)).isoformat()
    image = Image("ami-1", NAME, NOW.isoformat(), {"Role": "web", RUN: "run-1", DEPRECATED: old})
    here.there[image.id] = image
    keep(stores[0], here, image, record_of(image, how), b"<testsuite/>" if how else b"")
    here.calls.clear()
    return World(here, there, stores, image)


def test_a_copy_is_verified_there_and_its_record_says_of_what_it_is_one() -> None:
    abroad = world()
    made, new = abroad.copy()
    assert new
    assert (made.progress, made.tags[COPY_OF]) == (VERIFIED, "us-east-1/ami-1")
    there = abroad.stores[1].record(made)
    assert (there.image, there.region, there.copy_of) == (made.id, "eu-west-1", "us-east-1/ami-1")
    assert there.verification == WELL
    assert there.inputs == {"roles/a": "6b86"}
    kept = abroad.stores[1].get(f"images/{made.id}/tests.xml")
    assert kept and kept.content == b"<testsuite/>"
    assert f"images/{made.id}/sbom.cdx.json" in abroad.stores[1].objects


def test_what_is_said_of_the_image_alone_does_not_go_with_it() -> None:
    abroad = world()
    made, _ = abroad.copy()
    assert DEPRECATED not in made.tags
    assert made.tags["Role"] == "web"
    assert made.tags[RUN] == "run-1", "the canary of its bake is known by it"


def test_the_original_knows_where_its_copy_is() -> None:
    abroad = world()
    made, _ = abroad.copy()
    assert abroad.here.there["ami-1"].tags[f"{COPY_IN}eu-west-1"] == made.id


def test_a_second_time_the_copy_is_found() -> None:
    abroad = world()
    first, _ = abroad.copy()
    assert abroad.copy() == (first, False)
    assert list(abroad.there.there) == [first.id]


def test_with_another_key_it_is_another_copy_and_found_again_too() -> None:
    abroad = world()
    plain, _ = abroad.copy()
    locked, new = abroad.copy("alias/web")
    assert new
    assert locked.id != plain.id
    assert abroad.copy("alias/web") == (locked, False)


@pytest.mark.parametrize(
    ("case", "image", "refusal"),
    [
        ("nobody verified it", replace(world(None).here.there["ami-1"]), "is unverified"),
        ("it cannot be launched", Image("ami-1", NAME, "", {}, "disabled"), "is disabled"),
    ],
)
def test_an_image_without_proof_is_not_copied(case: str, image: Image, refusal: str) -> None:
    abroad = world()
    with pytest.raises(NotCopied, match=refusal):
        copy(image, abroad.trip())
    assert (abroad.there.there, abroad.there.calls) == ({}, []), case


def test_an_image_whose_record_was_changed_or_lost_is_not_copied() -> None:
    abroad, key = world(), "images/ami-1/record.json"
    abroad.stores[0].objects[key] = abroad.stores[0].objects[key].replace(b"ann", b"bob")
    with pytest.raises(NotCopied, match="not the one that the image was given"):
        abroad.copy()
    del abroad.stores[0].objects[key]
    with pytest.raises(NotCopied, match="has no record"):
        abroad.copy()
    assert abroad.there.calls == []


def test_an_image_is_not_copied_to_where_it_is() -> None:
    abroad = world()
    abroad.there.region = "us-east-1"
    with pytest.raises(NotCopied, match="is in us-east-1 already"):
        abroad.copy()


def test_a_copy_that_ec2_could_not_make_is_taken_away_and_said() -> None:
    abroad = world()
    abroad.there.ends = "failed"
    with pytest.raises(NotCopied, match="ami-copy0 is failed"):
        abroad.copy()
    assert abroad.there.there == {}


def test_two_who_copy_one_image_do_not_make_two() -> None:
    abroad = world()
    first = Lock(abroad.stores[1], "locks/copy-ami-1.json", "run-9", "bob@build", "copy ami-1")
    assert first.take() is None
    with pytest.raises(NotCopied, match="bob@build has held the lock since"):
        abroad.copy()
    assert abroad.there.there == {}


def test_stopped_at_any_call_nothing_half_made_is_left_and_it_can_be_run_again() -> None:
    whole = world()
    whole.copy()
    assert whole.there.calls == ["copy", "mark", "harden", "mark"]
    for calls in range(len(whole.there.calls)):
        abroad = world()
        abroad.there.stop_after = calls
        with pytest.raises(Stop):
            abroad.copy()
        assert abroad.there.there == {}, f"after {calls} calls"
        assert not abroad.stores[1].keys("locks/")
        made, new = abroad.copy()
        assert (new, made.progress) == (True, VERIFIED)


def test_stopped_when_all_but_the_note_was_made_it_is_found_and_noted() -> None:
    abroad = world()
    abroad.here.stop_after = 0
    with pytest.raises(Stop):
        abroad.copy()
    made, new = abroad.copy()
    assert not new
    assert abroad.here.there["ami-1"].tags[f"{COPY_IN}eu-west-1"] == made.id


@dataclass
class Disk:
    """What a disk is encrypted with."""

    key: str = ""

    def locked_by(self, image: Image) -> str:
        return self.key


@pytest.mark.parametrize(
    ("case", "accounts", "key", "refusal"),
    [
        ("no number", ("prod",), "", r"'prod' is not the number of an account"),
        ("AWS's own key", ("210987654321",), "aws/ebs", r"aws/ebs, AWS's own(.|\n)*--kms-key KEY"),
    ],
)
def test_what_no_other_account_could_launch_is_not_shared(
    case: str, accounts: tuple[str, ...], key: str, refusal: str
) -> None:
    abroad = world()
    image = abroad.here.there["ami-1"]
    with pytest.raises(NotShared, match=refusal):
        check_share(image, accounts, Disk(key), abroad.stores[0])


def test_an_image_without_proof_is_not_shared_but_can_be_taken_back() -> None:
    abroad = world(None)
    image, accounts = abroad.here.there["ami-1"], ("210987654321",)
    assert image.tags[STATE] == UNVERIFIED
    with pytest.raises(NotShared, match="is unverified"):
        check_share(image, accounts, Disk(), abroad.stores[0])
    check_share(image, accounts, Disk("aws/ebs"), abroad.stores[0], end=True)
