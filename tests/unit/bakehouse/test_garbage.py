"""An image goes only when nothing refers to it: each reason by example, and a thousand worlds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse.images.channels import BACK, CHANNELS, Entry, trail
from bakehouse.images.collect import collect
from bakehouse.images.garbage import Decision, Policy, Version, World, plan
from bakehouse.images.image import (
    BAKING,
    DEPRECATED,
    DISABLED,
    PROTECTED,
    QUARANTINED,
    STATE,
    UNVERIFIED,
    VERIFIED,
    Image,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
POLICY = Policy(verified=1, versions=2)


def image(id: str, days: float, state: str = UNVERIFIED, **tags: str) -> Image:
    created = (NOW - timedelta(days=days)).isoformat()
    name = f"bakehouse-web-debian-13-{id}"
    return Image(id, name, created, {STATE: state, **tags}, snapshots=(f"snap-{id}",))


OLD = image("old", 60)


def decision(world: World, id: str = "old") -> Decision:
    return next(one for one in plan(world, POLICY, NOW) if one.image.id == id)


@pytest.mark.parametrize(
    ("reason", "world"),
    [
        ("running instance i-1", World((OLD,), instances={"i-1": ("old", "running")})),
        ("stopped instance i-1", World((OLD,), instances={"i-1": ("old", "stopped")})),
        (
            "group web (launch template version 1)",
            World(
                (OLD,),
                versions=tuple(
                    Version("lt-1", "web", number, "old" if number == 1 else "other")
                    for number in range(1, 9)
                ),
                groups={"web": ("lt-1", 1)},
            ),
        ),
        (
            "launch template web version 7",
            World((OLD,), versions=(Version("lt-1", "web", 7, "old"),)),
        ),
        ("parameter /team/golden", World((OLD,), parameters={"/team/golden": "old"})),
        (
            "production would go back to it",
            World((OLD,), channels={"production": (Entry("old", "", ""), Entry("new", "", ""))}),
        ),
        ("shared with 210987654321", World((OLD,), shared={"old": ("210987654321",)})),
        (
            "copied to eu-west-1/ami-2",
            World((OLD,), copies={"old": ("eu-west-1/ami-2",)}),
        ),
        (
            "tag bakehouse:protected=audit",
            World((replace(OLD, tags={PROTECTED: "audit"}),)),
        ),
        (
            "one of the last 1 verified of debian-13",
            World((replace(OLD, tags={STATE: VERIFIED}),)),
        ),
        (
            "its bake goes on, or was killed (scripts/image sweep)",
            World((replace(OLD, tags={STATE: BAKING}),)),
        ),
    ],
)
def test_what_is_referred_to_stays_and_says_by_what(reason: str, world: World) -> None:
    found = decision(world)
    assert (found.action, found.reasons) == ("keep", (reason,))


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("rule", "candidate", "action"),
    [
        ("young", image("old", 13), "keep"),
        ("old enough", image("old", 15), "deprecate"),
        ("deprecated a while ago", image("old", 60, **{DEPRECATED: ago(6)}), "keep"),
        ("deprecated long ago", image("old", 60, **{DEPRECATED: ago(8)}), "disable"),
        ("disabled a while ago", image("old", 60, **{DISABLED: ago(6)}), "keep"),
        ("disabled long ago", image("old", 60, **{DISABLED: ago(8)}), "delete"),
        ("failed, and looked into", image("old", 6, QUARANTINED), "keep"),
        ("failed a week ago", image("old", 8, QUARANTINED), "delete"),
    ],
)
def test_each_step_comes_after_its_time(rule: str, candidate: Image, action: str) -> None:
    assert decision(World((candidate,))).action == action, rule


def test_an_image_that_is_used_again_is_restored() -> None:
    gone = image("old", 60, **{DEPRECATED: ago(30), DISABLED: ago(8)})
    found = decision(World((gone,), parameters={"/a": "old"}))
    assert (found.action, found.reasons) == ("restore", ("parameter /a",))


def test_a_terminated_instance_keeps_nothing() -> None:
    world = World((OLD,), instances={"i-1": ("old", "terminated")})
    assert decision(world).action == "deprecate"


def test_a_snapshot_that_another_image_stands_on_stays() -> None:
    going = replace(image("old", 60, **{DISABLED: ago(30)}), snapshots=("snap-1", "snap-2"))
    other = replace(image("young", 1), snapshots=("snap-2",))
    assert decision(World((going, other))).snapshots == ("snap-1",)


@dataclass
class PretendAccount:
    """A world that is acted on, as EC2 would be."""

    world: World
    removed: set[str] = field(default_factory=set)

    def look(self) -> World:
        return self.world

    def act(self, decision: Decision, now: datetime) -> str:
        tags, when = dict(decision.image.tags), now.isoformat()
        if decision.action == "delete":
            self.removed |= {decision.image.id, *decision.snapshots}
            self._put(decision.image.id, None)
            return ""
        if decision.action == "restore":
            tags.pop(DEPRECATED, None)
            tags.pop(DISABLED, None)
        else:
            tags[DEPRECATED if decision.action == "deprecate" else DISABLED] = when
        self._put(decision.image.id, replace(decision.image, tags=tags))
        return ""

    def _put(self, id: str, image: Image | None) -> None:
        images = [one for one in self.world.images if one.id != id]
        self.world = replace(self.world, images=(*images, *([image] if image else [])))


IDS = st.sampled_from([f"ami-{number}" for number in range(8)])
DAYS = st.floats(0, 90)
STATES = st.sampled_from([BAKING, UNVERIFIED, VERIFIED, QUARANTINED])


@st.composite
def images(draw: st.DrawFn) -> tuple[Image, ...]:
    made = []
    for id in draw(st.lists(IDS, unique=True)):
        tags = {STATE: draw(STATES)}
        for tag in (DEPRECATED, DISABLED):
            if draw(st.booleans()):
                tags[tag] = ago(draw(DAYS))
        if draw(st.integers(0, 5)) == 0:
            tags[PROTECTED] = "audit"
        snapshots = draw(st.lists(st.sampled_from(["s-1", "s-2", "s-3"]), unique=True))
        distribution = draw(st.sampled_from(["debian-12", "debian-13"]))
        name = f"bakehouse-web-{distribution}-{id}"
        made.append(Image(id, name, ago(draw(DAYS)), tags, snapshots=tuple(snapshots)))
    return tuple(made)


ENTRIES = st.builds(
    Entry, IDS, st.just(""), st.sampled_from(["baked", "promoted", f"{BACK} ami-1"])
)
TEMPLATES = st.sampled_from(["lt-1", "lt-2"])
WORLDS = st.builds(
    World,
    images=images(),
    instances=st.dictionaries(
        st.sampled_from(["i-1", "i-2"]),
        st.tuples(IDS, st.sampled_from(["running", "stopped", "pending", "terminated"])),
    ),
    versions=st.lists(
        st.builds(
            Version, st.sampled_from(["lt-1", "lt-2"]), st.just("web"), st.integers(1, 6), IDS
        ),
        max_size=6,
        unique_by=lambda version: (version.template, version.number),
    ).map(tuple),
    groups=st.dictionaries(st.just("web"), st.tuples(TEMPLATES, st.integers(1, 6))),
    parameters=st.dictionaries(st.sampled_from(["/a", "/b"]), IDS),
    channels=st.dictionaries(st.sampled_from(CHANNELS), st.lists(ENTRIES, max_size=5).map(tuple)),
    shared=st.dictionaries(IDS, st.just(("210987654321",)), max_size=1),
    copies=st.dictionaries(IDS, st.just(("eu-west-1/ami-copy",)), max_size=1),
)
POLICIES = st.builds(
    Policy,
    deprecate_days=st.floats(1, 30),
    disable_days=st.floats(1, 30),
    delete_days=st.floats(1, 30),
    quarantine_days=st.floats(1, 30),
    verified=st.integers(0, 3),
    versions=st.integers(0, 3),
)


def in_use(world: World, policy: Policy) -> set[str]:
    """What may not go, said once more and otherwise than the code says it."""
    used = {id for id, state in world.instances.values() if state != "terminated"}
    used |= set(world.parameters.values()) | set(world.shared) | set(world.copies)
    for template, number in world.groups.values():
        used |= {
            one.image for one in world.versions if (one.template, one.number) == (template, number)
        }
    for one in world.versions:
        later = [v for v in world.versions if v.template == one.template and v.number > one.number]
        if len(later) < policy.versions:
            used.add(one.image)
    for history in world.channels.values():
        used |= set(trail(history)[-2:-1])
    for image in world.images:
        newer = [
            other
            for other in world.images
            if other.family == image.family
            and other.progress == VERIFIED
            and (other.created, other.id) > (image.created, image.id)
        ]
        if image.progress == VERIFIED and len(newer) < policy.verified:
            used.add(image.id)
        if PROTECTED in image.tags or image.progress == BAKING:
            used.add(image.id)
    return used


@settings(max_examples=1000)
@given(WORLDS, POLICIES)
def test_in_a_thousand_worlds_nothing_goes_that_anything_refers_to(
    world: World, policy: Policy
) -> None:
    dry = plan(world, policy, NOW)
    account = PretendAccount(world)
    done = [one for one, _ in collect(account, policy, NOW)]
    used = in_use(world, policy)
    assert done == dry, "the dry run is the real one"
    assert {one.image.id for one in dry} == {one.id for one in world.images}, "each is explained"
    for one in dry:
        assert one.reasons
        if one.image.id in used:
            assert one.action in ("keep", "restore"), one
        if one.action in ("keep", "restore"):
            assert not set(one.image.snapshots) & account.removed, "its disk is there"
    again = plan(account.look(), policy, NOW)
    assert {one.action for one in again} <= {"keep"}, "a second run finds nothing to do"


def test_an_image_that_is_used_between_the_look_and_the_deed_is_kept() -> None:
    going = image("old", 60, **{DISABLED: ago(30)})

    class Busy(PretendAccount):
        def look(self) -> World:
            seen, self.world = (
                self.world,
                replace(self.world, instances={"i-1": ("old", "pending")}),
            )
            return seen

    account = Busy(World((going,)))
    ((found, _),) = collect(account, POLICY, NOW)
    assert (found.action, account.removed) == ("restore", set())
