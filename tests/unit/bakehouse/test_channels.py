"""Which image a channel goes back to, and which may move on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bakehouse.images.channels import Entry, NothingBefore, before, origin_of, refusal, trail
from bakehouse.images.image import QUARANTINED, STATE, UNVERIFIED, VERIFIED, Image


def said(*images: str) -> list[Entry]:
    """A history: `b` was published; `a<b` went back to a from b."""
    entries = [word.partition("<") for word in images]
    return [
        Entry(image, "2026-11-27", f"rolled back from {bad}: 500s" if bad else "baked")
        for image, _, bad in entries
    ]


def image(id: str, state: str = VERIFIED) -> Image:
    return Image(id, f"bakehouse-web-{id}", "2026-11-27", {STATE: state})


A, B, C = image("a"), image("b"), image("c")


@pytest.mark.parametrize(
    ("rule", "history", "steps"),
    [
        ("one after another", said("a", "b", "c"), ["a", "b", "c"]),
        ("back to the one before", said("a", "b", "a<b"), ["a"]),
        ("back by two", said("a", "b", "c", "b<c", "a<b"), ["a"]),
        ("forward again after going back", said("a", "b", "a<b", "c"), ["a", "c"]),
        ("told twice", said("a", "b", "b"), ["a", "b"]),
        ("an older one on purpose", said("a", "b", "a"), ["b", "a"]),
        ("the bad one on purpose, mended elsewhere", said("a", "b", "a<b", "b"), ["a", "b"]),
    ],
)
def test_what_was_rolled_back_from_is_off_the_trail(
    rule: str, history: list[Entry], steps: list[str]
) -> None:
    assert trail(history) == steps, rule


def test_a_channel_goes_back_to_the_image_before() -> None:
    assert before("dev", said("a", "b"), [A, B]) == A


def test_going_back_twice_never_returns_to_the_bad_image() -> None:
    history = said("a", "b", "c", "b<c")
    assert before("dev", history, [A, B, C]) == A


def test_an_image_that_is_gone_is_passed_over() -> None:
    assert before("dev", said("a", "b", "c"), [A, C]) == A


def test_an_image_that_cannot_be_launched_is_passed_over() -> None:
    images = [A, replace(B, state="disabled"), C]
    assert before("dev", said("a", "b", "c"), images) == A


def test_without_an_image_to_go_back_to_each_one_is_named_with_its_reason() -> None:
    images = [image("a", QUARANTINED), B]
    with pytest.raises(NothingBefore, match=r"gone is gone; a is quarantined"):
        before("dev", said("a", "gone", "b"), images)


@pytest.mark.parametrize(
    ("rule", "candidate", "history", "why"),
    [
        ("verified, and it ran there", B, said("a", "b"), ""),
        ("an older one that ran there", A, said("a", "b"), ""),
        ("nobody verified it", image("b", UNVERIFIED), said("b"), "b is unverified"),
        ("it was elsewhere", C, said("a", "b"), "c was never in staging"),
        ("it was taken back there", B, said("a", "b", "a<b"), "b was rolled back from in staging"),
        ("it cannot be launched", replace(B, state="disabled"), said("b"), "b is disabled"),
    ],
)
def test_an_image_moves_on_only_from_where_it_proved_itself(
    rule: str, candidate: Image, history: list[Entry], why: str
) -> None:
    assert refusal(candidate, "staging", history).startswith(why), rule
    assert bool(refusal(candidate, "staging", history)) == bool(why), rule


def test_each_channel_takes_from_the_one_before() -> None:
    assert [origin_of(channel) for channel in ("dev", "staging", "production")] == [
        "",
        "dev",
        "staging",
    ]
