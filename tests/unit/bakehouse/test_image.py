"""When an image that was baked before will do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bakehouse.images.image import BASE, DIRTY, HASH, Bake, Image, Reuse, Wanted, decide

BASE_IMAGE = Image("ami-base", "debian-13-amd64-20261101-0001", "2026-11-01")
WANTED = Wanted("debian-13", BASE_IMAGE, "app-1", "0123456789abcdef", "c0ffee", dirty=False)
SAME = Image(
    "ami-1", "bakehouse-web-1", "2026-11-02", {HASH: WANTED.content_hash, BASE: "ami-base"}
)
OTHER = replace(SAME, id="ami-2", tags={HASH: "else", BASE: "ami-base"})


@pytest.mark.parametrize(
    ("rule", "baked", "answer"),
    [
        ("nothing there", [], Bake("there is no image yet")),
        ("unchanged", [OTHER, SAME], Reuse(SAME)),
        (
            "the newest of equals",
            [replace(SAME, id="ami-0", created="2026-11-01"), SAME],
            Reuse(SAME),
        ),
        ("changed", [OTHER], Bake("the roles, the packer files or the release changed")),
        (
            "made half",
            [replace(SAME, state="pending")],
            Bake("the roles, the packer files or the release changed"),
        ),
        (
            "the same content on another base",
            [replace(SAME, tags={HASH: WANTED.content_hash, BASE: "ami-older"})],
            Bake("the base image changed"),
        ),
        (
            "Debian has a new image",
            [replace(OTHER, tags={HASH: "else", BASE: "ami-older"})],
            Bake("the base image changed"),
        ),
    ],
)
def test_an_image_is_baked_only_when_none_will_do(
    rule: str, baked: list[Image], answer: Bake | Reuse
) -> None:
    assert decide(WANTED, baked) == answer, rule


def test_force_bakes_even_what_is_there() -> None:
    assert decide(WANTED, [SAME], force=True) == Bake("asked for with --force")


def test_an_image_says_in_its_tags_that_the_tree_was_not_committed() -> None:
    assert replace(WANTED, dirty=True).tags("name", "run")[DIRTY] == "true"


def test_an_image_is_named_for_its_distribution_and_the_second_it_was_begun() -> None:
    now = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)
    assert WANTED.name(now) == "bakehouse-web-debian-13-20261121-030405"
