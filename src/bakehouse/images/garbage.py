"""Which images may go, and what keeps each that stays. Pure: a world, a policy and a time.

An image goes only when nothing refers to it, and then in three steps, each after its time: it is
deprecated, disabled, deleted. One that is referred to again on the way is restored.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bakehouse.images.channels import trail
from bakehouse.images.image import BAKING, DEPRECATED, DISABLED, PROTECTED, QUARANTINED, VERIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.images.channels import Entry
    from bakehouse.images.image import Image

Action = Literal["keep", "restore", "deprecate", "disable", "delete"]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a launch template."""

    template: str  # its id
    name: str
    number: int
    image: str


@dataclass(frozen=True, slots=True)
class World:
    """All that can refer to an image, and the images."""

    images: tuple[Image, ...]
    instances: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # image, state; by id
    versions: tuple[Version, ...] = ()
    groups: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # template, version
    parameters: Mapping[str, str] = field(default_factory=dict)  # any, by name
    channels: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)  # histories
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # accounts, by image
    copies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # region/ami, by image


@dataclass(frozen=True, slots=True)
class Policy:
    """How long, and how many. Days are counted from the step before."""

    deprecate_days: float = 14  # unreferred to for as long as it is old
    disable_days: float = 7
    delete_days: float = 7
    quarantine_days: float = 7  # an image that failed is of use while its failure is looked into
    verified: int = 3  # the last so many of each distribution stay
    versions: int = 3  # the last so many of each launch template refer to their images


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of an image."""

    image: Image
    action: Action
    reasons: tuple[str, ...]  # what keeps it; or why it goes
    snapshots: tuple[str, ...] = ()  # that go with it


def plan(world: World, policy: Policy, now: datetime) -> list[Decision]:
    """A decision for each image, oldest first.

    A snapshot goes with the last image that stands on it, and stays while one does.
    """
    kept = references(world, policy)
    decided = [_decide(image, kept[image.id], policy, now) for image in _by_age(world)]
    going = {one.image.id for one in decided if one.action == "delete"}
    last = {id: image.id for image in _by_age(world) for id in image.snapshots}
    needed = {id for image in world.images if image.id not in going for id in image.snapshots}
    return [
        replace(
            one,
            snapshots=tuple(
                id
                for id in one.image.snapshots
                if one.image.id in going and id not in needed and last[id] == one.image.id
            ),
        )
        for one in decided
    ]


def references(world: World, policy: Policy) -> dict[str, tuple[str, ...]]:
    """What refers to each image, in words; an empty tuple where nothing does."""
    found: dict[str, list[str]] = {image.id: [] for image in world.images}
    for id, why in _reasons(world, policy):
        if id in found:
            found[id].append(why)
    return {id: tuple(dict.fromkeys(reasons)) for id, reasons in found.items()}


def _reasons(world: World, policy: Policy) -> Iterator[tuple[str, str]]:
    for id, (image, state) in sorted(world.instances.items()):
        if state not in ("terminated", "shutting-down"):
            yield image, f"{state} instance {id}"
    yield from _of_templates(world, policy)
    for name, value in sorted(world.parameters.items()):
        yield value, f"parameter {name}"
    for channel, history in sorted(world.channels.items()):
        for image in trail(history)[-2:-1]:
            yield image, f"{channel} would go back to it"
    for image, accounts in sorted(world.shared.items()):
        yield image, f"shared with {', '.join(accounts)}"
    for image, copies in sorted(world.copies.items()):
        yield image, f"copied to {', '.join(copies)}"
    yield from _of_images(world, policy)


def _of_templates(world: World, policy: Policy) -> Iterator[tuple[str, str]]:
    by_template: dict[str, list[Version]] = {}
    for version in world.versions:
        by_template.setdefault(version.template, []).append(version)
    for group, (template, number) in sorted(world.groups.items()):
        for version in by_template.get(template, []):
            if version.number == number:
                yield version.image, f"group {group} (launch template version {number})"
    for versions in by_template.values():
        last = sorted(versions, key=lambda version: -version.number)[: policy.versions]
        for version in last:
            yield version.image, f"launch template {version.name} version {version.number}"


def _of_images(world: World, policy: Policy) -> Iterator[tuple[str, str]]:
    newest: dict[str, int] = {}
    for image in reversed(_by_age(world)):
        if PROTECTED in image.tags:
            yield image.id, f"tag {PROTECTED}={image.tags[PROTECTED]}"
        if image.progress == BAKING:
            yield image.id, "its bake goes on, or was killed (scripts/image sweep)"
        if image.progress == VERIFIED:
            place = newest[image.family] = newest.get(image.family, 0) + 1
            if place <= policy.verified:
                yield image.id, f"one of the last {policy.verified} verified of {image.family}"


def _by_age(world: World) -> list[Image]:
    return sorted(world.images, key=lambda image: (image.created, image.id))


def _decide(image: Image, kept: tuple[str, ...], policy: Policy, now: datetime) -> Decision:
    if kept:
        back = DEPRECATED in image.tags or DISABLED in image.tags
        return Decision(image, "restore" if back else "keep", kept)
    action, since, days, what = _next_step(image, policy)
    due = since + timedelta(days=days)
    if now < due:
        return Decision(image, "keep", (f"{what} until {due:%Y-%m-%d %H:%M}",))
    return Decision(image, action, ("nothing refers to it",))


def _next_step(image: Image, policy: Policy) -> tuple[Action, datetime, float, str]:
    """The next step, what it is counted from, after how many days, and what the image is now."""
    if DISABLED in image.tags:
        return "delete", time_of(image.tags[DISABLED]), policy.delete_days, "disabled"
    if DEPRECATED in image.tags:
        return "disable", time_of(image.tags[DEPRECATED]), policy.disable_days, "deprecated"
    if image.progress == QUARANTINED:
        return "delete", time_of(image.created), policy.quarantine_days, "in quarantine"
    return "deprecate", time_of(image.created), policy.deprecate_days, "nothing refers to it; kept"


def time_of(text: str) -> datetime:
    """A time as AWS and we write it, with its zone.

    >>> time_of("2026-11-27T12:00:00.000Z").isoformat()
    '2026-11-27T12:00:00+00:00'
    """
    return datetime.fromisoformat(text)
