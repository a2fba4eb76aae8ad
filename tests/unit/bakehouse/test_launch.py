"""Launching an image, against a group that lives in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from bakehouse.fleet.account import Group
from bakehouse.fleet.group import Fleet, Host, Step
from bakehouse.fleet.launch import NewHostsNeverServed, NoRoom, Patience, begin, plan, settle
from bakehouse.images.image import Image

EMPTY = Group("web", "lt-1", "1", False, "ami-base", 0, 0, 4, ("arn:tg",))
FULL = replace(EMPTY, desired=2, minimum=2, image="ami-1")
IMAGE = Image("ami-2", "bakehouse-web-2", "2026-11-21")


@dataclass
class PretendCloud:
    """A scaling group in memory: a host boots for two looks, then serves, unless it is broken."""

    desired: int = 0
    version: str = "1"
    broken: bool = False
    hosts: list[Host] = field(default_factory=list)
    least: int = 99  # that ever served, seen at every look
    now: float = 0.0
    booted: dict[str, int] = field(default_factory=dict)

    def publish(self, group: Group, image: Image) -> str:
        return "2"

    def point(self, group: Group, version: str, *, desired: int, minimum: int) -> None:
        self.version, self.desired = version, desired

    def resize(self, group: Group, desired: int) -> None:
        self.desired = desired

    def retire(self, host: Host, *, replace: bool) -> None:
        self.hosts = [one for one in self.hosts if one.id != host.id]
        self.desired -= not replace

    def last_failure(self, group: Group) -> str:
        return ""

    def see(self, group: Group, version: str, wanted: int) -> Fleet:
        while len(self.hosts) < self.desired:
            name = f"i-{len(self.booted)}"
            self.booted[name] = 0
            self.hosts.append(Host(name, self.version, "InService", "initial"))
        for number, host in enumerate(self.hosts):
            self.booted[host.id] = self.booted.get(host.id, 9) + 1
            well = self.booted[host.id] > 2 and not (self.broken and host.version == "2")
            if well:
                self.hosts[number] = replace(host, target="healthy")
        fleet = Fleet(tuple(self.hosts), version, wanted, self.desired)
        self.least = min(self.least, fleet.serving)
        return fleet

    def pause(self) -> None:
        self.now += 1

    @property
    def patience(self) -> Patience:
        return Patience(60, lambda: self.now, self.pause)


def serving(version: str, count: int) -> list[Host]:
    return [Host(f"i-{version}-{number}", version, "InService") for number in range(count)]


def say_nothing(step: Step, fleet: Fleet) -> None:
    pass


def launch(cloud: PretendCloud, group: Group, size: int | None = None) -> Fleet:
    todo = plan(group, IMAGE, size)
    version = begin(cloud, group, IMAGE, todo)
    return settle(cloud, group, version, todo.wanted, cloud.patience, say_nothing)


def test_an_empty_group_is_filled_with_two_hosts() -> None:
    fleet = launch(PretendCloud(), EMPTY)
    assert [host.version for host in fleet.hosts] == ["2", "2"]


def test_every_host_is_replaced_and_no_fewer_than_before_ever_serve() -> None:
    cloud = PretendCloud(desired=2, hosts=serving("1", 2))
    fleet = launch(cloud, FULL)
    assert [host.version for host in fleet.hosts] == ["2", "2"]
    assert cloud.least == 2


def test_a_broken_image_costs_one_launch_and_no_old_host() -> None:
    cloud = PretendCloud(desired=2, hosts=serving("1", 2), broken=True)
    with pytest.raises(NewHostsNeverServed, match="launches from version 1 again"):
        launch(cloud, FULL)
    assert cloud.hosts == serving("1", 2)
    assert (cloud.version, cloud.desired, len(cloud.booted)) == ("1", 2, 3)


def test_a_broken_first_image_says_which_host_to_look_at() -> None:
    with pytest.raises(NewHostsNeverServed, match="get-console-output --instance-id i-0"):
        launch(PretendCloud(broken=True), EMPTY)


@pytest.mark.parametrize(
    ("rule", "group", "size", "wanted", "minimum"),
    [
        ("the size it has", FULL, None, 2, 2),
        ("a group that scales keeps its floor", replace(FULL, desired=4, maximum=9), None, 4, 2),
        ("a first size, and it is the floor", EMPTY, None, 2, 2),
        ("a size that is asked for is the floor", FULL, 3, 3, 3),
    ],
)
def test_the_size_of_a_group(
    rule: str, group: Group, size: int | None, wanted: int, minimum: int
) -> None:
    todo = plan(group, IMAGE, size)
    assert (todo.wanted, todo.minimum) == (wanted, minimum), rule


def test_a_group_that_runs_the_image_needs_neither_a_version_nor_a_word() -> None:
    todo = plan(replace(FULL, image="ami-2"), IMAGE, None)
    assert (todo.publish, todo.point) == (False, False)


def test_a_group_that_follows_latest_is_put_on_the_number() -> None:
    todo = plan(replace(FULL, image="ami-2", floating=True), IMAGE, None)
    assert (todo.publish, todo.point) == (False, True)


def test_a_group_without_room_for_a_replacement_is_refused() -> None:
    with pytest.raises(NoRoom, match="--max-size 3"):
        plan(replace(FULL, maximum=2), IMAGE, None)
