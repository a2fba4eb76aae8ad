from __future__ import annotations

from collections.abc import Iterator

import pytest

from bakehouse_lab.ec2.security_groups import AGAIN_AFTER_SECONDS, Keeper, _Wanted
from bakehouse_lab.network import FilterRefused
from bakehouse_lab.podman import Seen
from bakehouse_lab.world import Address, World


class Hosts:
    """Containers with namespaces, and what is in force in each."""

    def __init__(self) -> None:
        self.wanted: dict[str, str] = {}
        self.namespaces: dict[str, str] = {}  # by container
        self.in_force: dict[str, str] = {}  # by namespace
        self.refused: set[str] = set()
        self.looks = 0
        self.now = 100.0
        self.keeper = Keeper(
            lambda: self.wanted, self.list, self.apply, self.exists, lambda: self.now
        )

    def start(self, name: str, netns: str) -> None:
        self.namespaces[name] = netns

    def list(self) -> list[Seen]:
        self.looks += 1
        return [
            Seen(name, "instance", name, "running", 1, 0, netns, "", {})
            for name, netns in self.namespaces.items()
        ]

    def apply(self, text: str, netns: str) -> None:
        if netns in self.refused:
            raise FilterRefused("no")
        self.in_force[netns] = text

    def exists(self, netns: str) -> bool:
        return netns in self.namespaces.values()


@pytest.fixture
def hosts() -> Hosts:
    hosts = Hosts()
    hosts.wanted["web"] = "rules 1"
    hosts.start("web", "/ns/1")
    return hosts


def test_a_running_host_gets_its_filter(hosts: Hosts) -> None:
    hosts.keeper.step()
    assert hosts.in_force == {"/ns/1": "rules 1"}


def test_a_look_that_finds_nothing_to_do_does_not_ask_podman(hosts: Hosts) -> None:
    hosts.keeper.step()
    hosts.keeper.step()
    assert hosts.looks == 1


def test_changed_rules_are_applied(hosts: Hosts) -> None:
    hosts.keeper.step()
    hosts.wanted["web"] = "rules 2"
    hosts.keeper.step()
    assert hosts.in_force["/ns/1"] == "rules 2"


def test_a_host_that_started_again_gets_its_filter_again(hosts: Hosts) -> None:
    hosts.keeper.step()
    hosts.start("web", "/ns/2")
    hosts.keeper.step()
    assert hosts.in_force["/ns/2"] == "rules 1"


def test_a_host_that_flushed_its_filter_has_it_back_soon(hosts: Hosts) -> None:
    hosts.keeper.step()
    hosts.in_force.clear()
    hosts.now += AGAIN_AFTER_SECONDS
    hosts.keeper.step()
    assert hosts.in_force == {"/ns/1": "rules 1"}


def test_a_host_that_does_not_run_yet_is_filtered_when_it_does(hosts: Hosts) -> None:
    hosts.wanted["new"] = "rules 3"
    hosts.keeper.step()
    hosts.start("new", "/ns/3")
    hosts.keeper.step()
    assert hosts.in_force["/ns/3"] == "rules 3"


def test_a_refused_filter_is_tried_again_and_the_others_are_applied(hosts: Hosts) -> None:
    hosts.wanted["db"] = "rules 4"
    hosts.start("db", "/ns/4")
    hosts.refused.add("/ns/1")
    hosts.keeper.step()
    assert hosts.in_force == {"/ns/4": "rules 4"}
    hosts.refused.clear()
    hosts.keeper.step()
    assert hosts.in_force["/ns/1"] == "rules 1"


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.backend("ec2").reset()


def test_the_rules_of_moto_become_the_filter_of_each_container(world: World) -> None:
    ec2 = world.backend("ec2")
    vpc = ec2.create_vpc("10.50.0.0/16")
    web = ec2.create_security_group("web", "web", vpc.id)
    db = ec2.create_security_group("db", "db", vpc.id)
    ec2.authorize_security_group_ingress(
        group_name_or_id=db.id,
        ip_protocol="tcp",
        from_port="3306",
        to_port="3306",
        ip_ranges=[],
        source_groups=[{"GroupId": web.id}],
    )
    world.claim(Address("10.50.1.4", "i-1", vpc.id, (web.id,), "web-1"))
    world.claim(Address("10.50.1.5", "i-2", vpc.id, (web.id,), "web-2"))
    world.claim(Address("10.50.2.4", "db", vpc.id, (db.id,), "db-1"))
    texts = _Wanted(world, 4570).texts()
    let_in = "ip daddr 10.50.2.4 ip saddr { 10.50.1.4/31 } tcp dport 3306 accept"
    assert let_in in texts["db-1"]
    assert "ip daddr 10.50.1.4" not in texts["web-1"]
    assert "ip saddr 10.50.1.4 accept" in texts["web-1"]
    assert "ip daddr 10.50.0.1 tcp dport 4570 accept" in texts["web-1"]
