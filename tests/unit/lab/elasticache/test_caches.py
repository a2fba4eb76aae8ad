"""Caches from call to answer: the API's records, what is decided, and what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto.core.exceptions import ServiceException

from bakehouse_lab.elasticache.backend import LabElastiCacheBackend
from bakehouse_lab.elasticache.decide import (
    PATIENCE_SECONDS,
    Action,
    Node,
    Verb,
    decide,
    group_status,
)
from bakehouse_lab.elasticache.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bakehouse_lab.lab import Lab

TOKEN = "0123456789abcdef#TOKEN"
PRIMARY, REPLICA = "bakehouse-lab7-cache-sess-001", "bakehouse-lab7-cache-sess-002"
NOW = 1000.0
LATE = NOW - PATIENCE_SECONDS - 1

DECISIONS: list[tuple[str, str, float, dict[str, bool], Verb | None]] = [
    ("a new node is made", "creating", NOW, {}, Verb.CREATE),
    ("a well one is left alone", "available", LATE, {"node": True}, None),
    ("one that died is made again", "available", NOW, {"node": False}, Verb.CREATE),
    ("one that does not come up is given up", "creating", LATE, {"node": True}, Verb.GIVE_UP),
    ("a deletion", "deleting", LATE, {"node": True}, Verb.DISPOSE),
    ("a failed one is left for a person to look at", "create-failed", LATE, {}, None),
]


@pytest.mark.parametrize(("reason", "status", "since", "running", "verb"), DECISIONS)
def test_one_node(
    reason: str, status: str, since: float, running: dict[str, bool], verb: Verb | None
) -> None:
    expected = [Action(verb, "node")] if verb else []
    assert decide([Node("node", status, since)], running, NOW) == expected, reason


def test_a_container_that_no_record_speaks_of_is_discarded() -> None:
    assert decide([], {"old": True}, NOW) == [Action(Verb.DISCARD, "old")]


GROUPS = [
    ("a group waits for its last member", "creating", ["available", "creating"], "creating"),
    ("and is available with it", "creating", ["available", "available"], "available"),
    ("one member that failed fails the group", "creating", ["create-failed"], "create-failed"),
    ("it is there as long as a member is", "deleting", ["deleting"], "deleting"),
    ("and no longer", "deleting", [], None),
]


@pytest.mark.parametrize(("reason", "status", "members", "then"), GROUPS)
def test_a_groups_status_follows_from_its_members(
    reason: str, status: str, members: list[str], then: str | None
) -> None:
    assert group_status(status, members) == then, reason


class Caches:
    """The service as a caller sees it; time passes when it is told to."""

    def __init__(self, lab: Lab, podman: Any) -> None:
        self.lab, self.podman = lab, podman
        self.now = NOW
        self.api = lab.world.backend("elasticache")
        self.api.clock = lambda: self.now
        self.keeper = Keeper(lab, lambda: self.now)

    def create_group(self, nodes: int = 1, **more: Any) -> Any:
        names = LabElastiCacheBackend.__mro__[1].create_replication_group.__annotations__
        wanted = dict.fromkeys(name for name in names if name != "return")
        asked = {
            "replication_group_id": "sess",
            "replication_group_description": "sessions",
            "replicas_per_node_group": nodes - 1,
            "auth_token": TOKEN,
            "transit_encryption_enabled": True,
        }
        return self.api.create_replication_group(**{**wanted, **asked, **more})

    def settle(self) -> None:
        """Let the keeper look until nothing changes: each look does one thing to each."""
        for _ in range(3):
            self.keeper.step(lambda: None)

    def configuration(self, node: str) -> str:
        folder: Path = self.lab.settings.runtime / "elasticache" / node
        return (folder / "redis.conf").read_text()


@pytest.fixture
def caches(desk: Lab, podman: Any) -> Iterator[Caches]:
    from moto.elasticache.models import ElastiCacheBackend, elasticache_backends

    elasticache_backends.backend = LabElastiCacheBackend
    yield Caches(desk, podman)
    elasticache_backends.backend = ElastiCacheBackend


def test_a_group_is_available_once_its_nodes_answer(caches: Caches) -> None:
    assert caches.create_group().status == "creating"
    caches.settle()
    assert caches.api.replication_groups["sess"].status == "available"
    assert caches.podman.running == {PRIMARY}


def test_with_encryption_there_is_no_other_port(caches: Caches) -> None:
    caches.create_group()
    caches.settle()
    lines = caches.configuration("sess-001").splitlines()
    assert {"port 0", "tls-port 6379", f'requirepass "{TOKEN}"'} <= set(lines)


def test_a_cluster_without_encryption_speaks_plainly(caches: Caches) -> None:
    caches.api.create_cache_cluster(cache_cluster_id="solo", cache_node_type="cache.t4g.micro")
    caches.settle()
    assert caches.api.cache_clusters["solo"].cache_cluster_status == "available"
    lines = caches.configuration("solo").splitlines()
    assert "port 6379" in lines
    assert not [line for line in lines if line.startswith(("tls-", "requirepass"))]


def test_the_token_is_not_in_what_podman_shows_of_a_container(caches: Caches) -> None:
    caches.create_group()
    caches.settle()
    assert TOKEN not in repr(caches.podman.containers[PRIMARY])


def test_the_primary_endpoint_is_the_primarys_and_the_reader_endpoint_the_replicas(
    caches: Caches,
) -> None:
    shard = caches.create_group(nodes=2).node_groups[0]
    caches.settle()
    primary, replica = caches.podman.containers[PRIMARY], caches.podman.containers[REPLICA]
    assert shard["primary_endpoint_address"] in primary.aliases
    assert shard["reader_endpoint_address"] in replica.aliases
    assert shard["reader_endpoint_address"] not in primary.aliases
    assert f"replicaof {primary.ip} 6379" in caches.configuration("sess-002")


def test_a_primary_alone_serves_readers_too(caches: Caches) -> None:
    shard = caches.create_group().node_groups[0]
    caches.settle()
    assert shard["reader_endpoint_address"] in caches.podman.containers[PRIMARY].aliases


def test_the_members_of_a_group_can_be_described_as_clusters(caches: Caches) -> None:
    caches.create_group(nodes=2)
    caches.settle()
    described = caches.api.describe_cache_clusters("sess-002")[0]
    assert described.replication_group_id == "sess"
    assert described.cache_cluster_status == "available"


def test_a_node_that_died_runs_again(caches: Caches) -> None:
    caches.create_group()
    caches.settle()
    caches.podman.running.clear()
    caches.settle()
    assert caches.podman.running == {PRIMARY}


def test_a_node_that_was_started_meanwhile_keeps_what_it_holds(caches: Caches) -> None:
    caches.create_group()
    caches.settle()
    before = caches.podman.containers[PRIMARY]
    caches.keeper._create("sess-001")
    assert caches.podman.containers[PRIMARY] is before


def test_a_node_without_a_free_address_fails_and_no_other(caches: Caches) -> None:
    caches.api.create_cache_subnet_group("gone", "deleted since", ["subnet-gone"], [])
    caches.api.create_cache_cluster(
        cache_cluster_id="lost",
        cache_node_type="cache.t4g.micro",
        cache_subnet_group_name="gone",
    )
    caches.create_group()
    caches.settle()
    assert caches.api.cache_clusters["lost"].cache_cluster_status == "create-failed"
    assert caches.api.replication_groups["sess"].status == "available"


def test_a_node_that_never_answers_fails_its_group(caches: Caches) -> None:
    caches.podman.dumb.add(PRIMARY)
    caches.create_group()
    caches.settle()
    assert caches.api.replication_groups["sess"].status == "creating"
    caches.now += PATIENCE_SECONDS + 1
    caches.settle()
    assert caches.api.replication_groups["sess"].status == "create-failed"


def test_deleting_a_group_takes_its_nodes_and_addresses(caches: Caches) -> None:
    caches.create_group(nodes=2)
    caches.settle()
    assert caches.lab.world.addresses
    assert caches.api.delete_replication_group("sess", None).status == "deleting"
    caches.settle()
    assert not caches.api.replication_groups
    assert not caches.api.cache_clusters
    assert not caches.podman.containers
    assert not caches.lab.world.addresses


def test_a_member_is_not_deleted_from_under_its_group(caches: Caches) -> None:
    caches.create_group()
    with pytest.raises(ServiceException, match="serves replication group sess"):
        caches.api.delete_cache_cluster("sess-001")


REFUSED = [
    ("an engine that is no Redis", {"engine": "memcached"}, "runs no engine 'memcached'"),
    ("a token on an open line", {"transit_encryption_enabled": None}, "requires Transit"),
    ("a token that is too short", {"auth_token": "short"}, "Invalid AuthToken"),
    ("a token that would break out of its quotes", {"auth_token": TOKEN + '"'}, "Invalid AuthT"),
    ("shards", {"num_node_groups": 2}, "one shard"),
    ("seven nodes", {"nodes": 7}, "1 to 6 nodes, not 7"),
]


@pytest.mark.parametrize(("reason", "asked", "said"), REFUSED)
def test_what_cannot_be_made_is_refused(
    caches: Caches, reason: str, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ServiceException, match=said):
        caches.create_group(**asked)
    assert not caches.api.replication_groups, reason


def test_a_snapshot_is_not_pretended(caches: Caches) -> None:
    with pytest.raises(NotImplementedError):
        caches.api.create_snapshot(snapshot_name="friday", cache_cluster_id="solo")
