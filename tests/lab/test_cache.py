"""ElastiCache as an application sees it: names, a token, TLS that verifies, replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bakehouse_lab import network
from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman, PodmanFailed
from bakehouse_lab.settings import SERVICES_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running_lab import RunningLab

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SOON = {"Delay": 1, "MaxAttempts": 120}
TOKEN = "a-token-of-the-tests"


class Cache:
    """Caches in the lab's default VPC, open to all of it, and a client beside them."""

    def __init__(self, lab: RunningLab) -> None:
        self.api, self.settings = lab.client("elasticache"), lab.settings
        self.podman = Podman(lab.settings, Machine.look())
        ec2 = lab.client("ec2")
        group = ec2.create_security_group(GroupName="any-cache", Description="tests")["GroupId"]
        rule = {
            "IpProtocol": "tcp",
            "FromPort": 6379,
            "ToPort": 6379,
            "IpRanges": [{"CidrIp": lab.settings.default_vpc_cidr}],
        }
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        self.group = group

    def shard(self) -> Any:
        groups = self.api.describe_replication_groups(ReplicationGroupId="sess")
        return groups["ReplicationGroups"][0]["NodeGroups"][0]

    def ask(self, host: str, *words: str, token: str = TOKEN, tls: bool = True) -> str:
        """What Redis says to a client that finds it by name and trusts the system."""
        encrypted = ["--tls", "--cacert", SYSTEM_BUNDLE, "--sni", host] if tls else []
        where = network.name_of(self.settings, self.settings.default_vpc_cidr)
        limits = [f"--ulimit={limit}" for limit in Machine.look().ulimits]
        podman = ["run", "--rm", f"--network={where}", f"--env=REDISCLI_AUTH={token}", *limits]
        client = ["timeout", "5", "redis-cli", "--no-auth-warning", "-h", host, *encrypted]
        return self.podman.run(*podman, SERVICES_IMAGE, *client, *words)

    def certificate(self, host: str) -> str:
        """What OpenSSL says of the server's certificate for `host`."""
        where = network.name_of(self.settings, self.settings.default_vpc_cidr)
        limits = [f"--ulimit={limit}" for limit in Machine.look().ulimits]
        asked = f"openssl s_client -connect {host}:6379 -verify_hostname {host} -brief </dev/null"
        podman = ["run", "--rm", f"--network={where}", *limits, SERVICES_IMAGE]
        return self.podman.run(*podman, "timeout", "5", "sh", "-c", f"{asked} 2>&1")


@pytest.fixture(scope="module")
def cache(lab: RunningLab) -> Iterator[Cache]:
    cache = Cache(lab)
    made = cache.api.create_replication_group(
        ReplicationGroupId="sess",
        ReplicationGroupDescription="sessions",
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=2,
        AuthToken=TOKEN,
        TransitEncryptionEnabled=True,
        SecurityGroupIds=[cache.group],
    )["ReplicationGroup"]
    assert made["Status"] == "creating"
    group = {"ReplicationGroupId": "sess"}
    cache.api.get_waiter("replication_group_available").wait(WaiterConfig=SOON, **group)
    yield cache
    cache.api.delete_replication_group(**group)
    cache.api.get_waiter("replication_group_deleted").wait(WaiterConfig=SOON, **group)


def test_what_the_primary_is_told_the_replica_knows(cache: Cache) -> None:
    shard = cache.shard()
    assert cache.ask(shard["PrimaryEndpoint"]["Address"], "SET", "who", "me") == "OK"
    assert cache.ask(shard["PrimaryEndpoint"]["Address"], "WAIT", "1", "2000") == "1"
    assert cache.ask(shard["ReaderEndpoint"]["Address"], "GET", "who") == "me"


def test_a_replica_takes_no_writes(cache: Cache) -> None:
    reader = cache.shard()["ReaderEndpoint"]["Address"]
    assert cache.ask(reader, "SET", "who", "me").startswith("READONLY")


@pytest.mark.parametrize("endpoint", ["PrimaryEndpoint", "ReaderEndpoint"])
def test_a_client_verifies_it_with_the_systems_own_certificates(
    cache: Cache, endpoint: str
) -> None:
    host = cache.shard()[endpoint]["Address"]
    said = cache.certificate(host)
    assert "Verification: OK" in said
    assert f"Verified peername: {host}" in said


def test_without_the_token_nothing_is_answered(cache: Cache) -> None:
    primary = cache.shard()["PrimaryEndpoint"]["Address"]
    assert "NOAUTH" in cache.ask(primary, "GET", "who", token="")


def test_there_is_no_door_without_encryption(cache: Cache) -> None:
    with pytest.raises(PodmanFailed):
        cache.ask(cache.shard()["PrimaryEndpoint"]["Address"], "PING", tls=False)


def test_what_elasticache_keeps_to_itself_is_unknown(cache: Cache) -> None:
    primary = cache.shard()["PrimaryEndpoint"]["Address"]
    assert "unknown command" in cache.ask(primary, "CONFIG", "GET", "requirepass")


def test_each_member_is_described_as_a_cluster_with_its_endpoint(cache: Cache) -> None:
    described = cache.api.describe_cache_clusters(
        CacheClusterId="sess-002", ShowCacheNodeInfo=True
    )["CacheClusters"][0]
    assert described["ReplicationGroupId"] == "sess"
    assert cache.ask(described["CacheNodes"][0]["Endpoint"]["Address"], "PING") == "PONG"


def test_a_cluster_alone_is_made_and_deleted(cache: Cache) -> None:
    cluster = {"CacheClusterId": "solo"}
    cache.api.create_cache_cluster(
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheNodes=1,
        SecurityGroupIds=[cache.group],
        **cluster,
    )
    cache.api.get_waiter("cache_cluster_available").wait(WaiterConfig=SOON, **cluster)
    described = cache.api.describe_cache_clusters(ShowCacheNodeInfo=True, **cluster)
    host = described["CacheClusters"][0]["CacheNodes"][0]["Endpoint"]["Address"]
    assert cache.ask(host, "PING", token="", tls=False) == "PONG"
    cache.api.delete_cache_cluster(**cluster)
    cache.api.get_waiter("cache_cluster_deleted").wait(WaiterConfig=SOON, **cluster)
