"""What stands in the way of a refresh: each reason alone, and what to type about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bakehouse.fleet.account import Group
from bakehouse.fleet.group import Fleet, Host
from bakehouse.images.image import DISABLED, STATE, Image
from bakehouse.refresh.outlook import is_done, ours, outlook
from bakehouse.refresh.preflight import NotReady, Scene, check, refusals, room
from bakehouse.refresh.rolling import Order, Pace, Refresh

GROUP = Group("web", "lt-1", "3", False, "ami-old", 2, 2, 4, ("arn:tg",))
IMAGE = Image("ami-new", "bakehouse-web-new", "2026-11-27", {STATE: "verified"})
HOSTS = (Host("i-1", "3", "InService"), Host("i-2", "3", "InService"))
READY = Scene(GROUP, IMAGE, Fleet(HOSTS, "new", 2, 2))


def group(**change: Any) -> Scene:
    return replace(READY, group=replace(GROUP, **change))


def image(**change: Any) -> Scene:
    return replace(READY, image=replace(IMAGE, **change))


def before(status: str, image: str = "ami-new") -> Scene:
    return replace(READY, before=Refresh("r-1", status, image=image, turned="an alarm rang"))


ASIDE = (HOSTS[0], Host("i-2", "3", "Standby"))

REASONS = [
    (
        "another refresh",
        replace(READY, active=Refresh("r-1", "Baking", image="ami-x", percentage=100)),
        "a refresh to ami-x is under way (Baking, 100 %)",
        "--cancel",
    ),
    ("nobody verified it", image(tags={}), "ami-new is unverified", "scripts/bake"),
    ("it failed", image(tags={STATE: "quarantined"}), "ami-new is quarantined", "scripts/bake"),
    ("it is gone", image(state="deregistered"), "ami-new is deregistered", "scripts/bake"),
    (
        "it was set aside",
        image(tags={STATE: "verified", DISABLED: "2026-11-01"}),
        "only one that passed",
        "scripts/bake",
    ),
    ("it was rolled back", before("RollbackSuccessful"), "an alarm rang", "--again"),
    ("it failed before", before("Failed"), "ended Failed", "scripts/image rollback"),
    ("an empty group", group(desired=0), "it has no hosts", "scripts/launch web"),
    ("a group on $Latest", group(floating=True), "nothing to roll back to", "Version=3"),
    (
        "the balancer is not asked",
        replace(READY, asks_balancer=False),
        "health checks do not count",
        "--health-check-type ELB",
    ),
    (
        "processes are suspended",
        replace(READY, suspended=("AlarmNotification", "Terminate", "Launch")),
        "suspended: Launch, Terminate",
        "--scaling-processes Launch Terminate",
    ),
    (
        "a host in standby",
        replace(READY, fleet=Fleet(ASIDE, "new", 2, 2)),
        "in standby: i-2",
        "exit-standby --auto-scaling-group-name web --instance-ids i-2",
    ),
    (
        "a protected host",
        replace(READY, protected=("i-1",)),
        "protected from scale-in: i-1",
        "--no-protected-from-scale-in --instance-ids i-1",
    ),
    (
        "an alarm rings",
        replace(READY, alarms={"web-5xx": "ALARM", "web-slow": "OK"}),
        "web-5xx is ALARM",
        "describe-alarms --alarm-names web-5xx",
    ),
    ("no room", group(maximum=2), "web may have 2, and 2 are there", "--max-size 3"),
]


def test_a_group_that_is_well_is_refreshed() -> None:
    assert list(refusals(READY, Order())) == []


@pytest.mark.parametrize(("reason", "scene", "why", "then"), REASONS)
def test_each_reason_is_named_with_the_next_command(
    reason: str, scene: Scene, why: str, then: str
) -> None:
    (found,) = refusals(scene, Order())
    assert why in found.why, reason
    assert then in found.then, reason


@pytest.mark.parametrize(
    ("rule", "scene"),
    [
        ("scaling may rest", replace(READY, suspended=("AlarmNotification", "ScheduledActions"))),
        ("a cancelled one was no fault", before("Cancelled")),
        ("a successful one", before("Successful")),
        ("another image was rolled back", before("RollbackSuccessful", "ami-x")),
        ("no balancer to ask", replace(group(targets=()), asks_balancer=False)),
    ],
)
def test_what_is_no_reason(rule: str, scene: Scene) -> None:
    assert list(refusals(scene, Order())) == [], rule


def test_an_image_that_was_rolled_back_may_be_tried_again_by_word() -> None:
    assert list(refusals(before("RollbackSuccessful"), Order(again=True))) == []


def test_all_reasons_are_told_at_once() -> None:
    scene = replace(image(tags={}), protected=("i-1",), suspended=("Launch",))
    with pytest.raises(NotReady, match="nothing was done") as told:
        check(scene, Order())
    assert str(told.value).count("next: ") == 3


DATABASE = Order(connections=100, connections_per_host=20)


@pytest.mark.parametrize(
    ("rule", "scene", "order", "spare"),
    [
        ("a small group at once", READY, Order(), 2),
        ("as asked", READY, Order(at_once=1), 1),
        ("a large one by quarters", group(desired=8, maximum=20), Order(), 2),
        ("no more than the group may have", group(desired=3), Order(), 1),
        ("no more than the database takes", group(desired=4, maximum=9), DATABASE, 1),
        ("the database is full", group(desired=5, maximum=9), DATABASE, 0),
        ("half a number is none", READY, Order(connections=1), 2),
    ],
)
def test_how_many_stand_beside_the_old_ones(
    rule: str, scene: Scene, order: Order, spare: int
) -> None:
    assert room(scene, order)[0] == spare, rule


def test_a_database_without_room_is_a_reason_and_max_size_is_not_the_answer() -> None:
    (found,) = refusals(group(desired=5, maximum=9), DATABASE)
    assert "100 connections to the database are enough for 5" in found.why
    assert "max_connections" in found.then


def told(scene: Scene, order: Order) -> str:
    return "\n".join(outlook(scene, order, Pace(20, 10, "as in the last refresh")).told())


def test_a_plan_says_waves_time_and_the_way_back() -> None:
    said = told(READY, Order(canary=60, alarms=("web-5xx",)))
    assert "2 hosts from ami-old to ami-new" in said
    assert "wave 1   1 new host, the canary, watched for 60 s" in said
    assert "wave 2   1 new host" in said
    assert "about 2 min 40 s" in said  # 2 x (20 + 30) + 60
    assert "back to  version 3, if hosts fail, or web-5xx rings" in said


def test_a_plan_with_nothing_to_do_says_so() -> None:
    scene = replace(READY, fleet=Fleet(HOSTS, "3", 2, 2))
    assert "nothing to do" in told(scene, Order())


@pytest.mark.parametrize(
    ("rule", "scene", "done"),
    [
        ("the same image and version", replace(READY, image=replace(IMAGE, id="ami-old")), True),
        ("another image", READY, False),
        ("an empty group is not done", group(image="ami-new", desired=0), False),
        ("it floats", group(image="ami-new", floating=True), False),
    ],
)
def test_when_nothing_is_left_to_do(rule: str, scene: Scene, done: bool) -> None:
    assert is_done(replace(scene, fleet=Fleet(HOSTS, "3", 2, 2))) is done, rule


def test_an_old_host_is_left_to_do() -> None:
    mixed = Fleet((HOSTS[0], Host("i-2", "2", "InService")), "3", 2, 2)
    assert not is_done(replace(group(image="ami-new"), fleet=mixed))


@pytest.mark.parametrize(
    ("rule", "active", "taken_up"),
    [
        ("begun by us, same image", Refresh("r", "InProgress", "4", "ami-new", ours=True), True),
        ("begun by us, another image", Refresh("r", "InProgress", "4", "ami-x", ours=True), False),
        ("by hand, same image", Refresh("r", "InProgress", "4", "ami-new"), False),
        ("the group's own version", Refresh("r", "InProgress", "3", "ami-new"), True),
    ],
)
def test_whose_refresh_is_taken_up(rule: str, active: Refresh, taken_up: bool) -> None:
    assert bool(ours(replace(READY, active=active))) is taken_up, rule
