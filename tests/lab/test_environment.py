"""The example environment as its hosts see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import until

from bakehouse_lab import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.running_lab import RunningLab

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


class Host:
    """A plain Debian in the place of a web host, and a shell on it."""

    def __init__(self, lab: RunningLab) -> None:
        self.lab, self.ec2 = lab, lab.client("ec2")
        subnet = self.ec2.describe_subnets(
            Filters=[{"Name": "tag:Name", "Values": ["staging-private-b"]}]
        )["Subnets"][0]["SubnetId"]
        image = self.ec2.describe_images(
            Owners=[environment.DEBIAN], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
        )["Images"][0]["ImageId"]
        launched = self.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": "staging-web"},
            ImageId=image,
            SubnetId=subnet,
            MinCount=1,
            MaxCount=1,
        )["Instances"][0]
        self.id, self.ip = launched["InstanceId"], launched["PrivateIpAddress"]

    def shell(self, command: str, status: int = 0) -> str:
        key = self.lab.environment["BAKEHOUSE_SSH_KEY"]
        options = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "ConnectTimeout=3"]
        ssh = ["ssh", "-i", key, *(f"-o{option}" for option in [*options, "LogLevel=ERROR"])]
        return self.lab.run(*ssh, f"admin@{self.ip}", command, minutes=1, status=status).stdout

    def is_there(self) -> bool:
        try:
            return self.shell("true") == ""
        except AssertionError:
            return False


@pytest.fixture(scope="module")
def host(lab: RunningLab) -> Iterator[Host]:
    host = Host(lab)
    until(host.is_there)
    yield host
    host.ec2.terminate_instances(InstanceIds=[host.id])


def endpoints(lab: RunningLab) -> dict[str, Any]:
    database = lab.client("rds").describe_db_instances(DBInstanceIdentifier="staging-db")
    cache = lab.client("elasticache").describe_replication_groups(
        ReplicationGroupId="staging-redis"
    )
    shard = cache["ReplicationGroups"][0]["NodeGroups"][0]
    return {
        "mysql": database["DBInstances"][0]["Endpoint"],
        "redis": shard["PrimaryEndpoint"],
    }


def test_a_second_run_changes_nothing(lab: RunningLab) -> None:
    assert environment.make(lab.settings, lambda _: None).made == []


@pytest.mark.parametrize("service", ["mysql", "redis"])
def test_a_host_finds_it_by_name_and_believes_its_certificate(host: Host, service: str) -> None:
    at = endpoints(host.lab)[service]
    assert at["Address"].endswith(".amazonaws.com")
    assert host.shell(f"getent hosts {at['Address']}").startswith("10.")
    starttls = "-starttls mysql" if service == "mysql" else ""
    said = host.shell(
        f"timeout 5 openssl s_client {starttls} -connect {at['Address']}:{at['Port']} "
        f"-verify_hostname {at['Address']} -verify_return_error -brief </dev/null 2>&1"
    )
    assert "Verification: OK" in said


def test_only_web_hosts_reach_the_database(host: Host, eventually: Callable[..., None]) -> None:
    at = endpoints(host.lab)["mysql"]
    connect = f"python3 -c '{CONNECT}' {at['Address']} {at['Port']}"
    host.shell(connect)
    other = host.ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["staging-redis"]}]
    )["SecurityGroups"][0]["GroupId"]
    web = host.ec2.describe_instances(InstanceIds=[host.id])["Reservations"][0]["Instances"][0]
    before = [group["GroupId"] for group in web["SecurityGroups"]]
    ways_in = {
        "GroupId": other,
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": host.lab.settings.environment_cidr}],
            }
        ],
    }
    host.ec2.authorize_security_group_ingress(**ways_in)
    host.ec2.modify_instance_attribute(InstanceId=host.id, Groups=[other])

    def refused() -> bool:
        try:
            return "timed out" in host.shell(f"{connect} 2>&1", status=1)
        except AssertionError:
            return False

    eventually(refused, seconds=30)
    host.ec2.modify_instance_attribute(InstanceId=host.id, Groups=before)
    host.ec2.revoke_security_group_ingress(**ways_in)


def test_the_secret_fits_database_and_cache(lab: RunningLab) -> None:
    text = lab.client("secretsmanager").get_secret_value(SecretId="staging/app")["SecretString"]
    secret = json.loads(text)
    assert set(secret) == {"APP_KEY", "DB_USERNAME", "DB_PASSWORD", "REDIS_PASSWORD"}
    described = lab.client("rds").describe_db_instances(DBInstanceIdentifier="staging-db")
    assert described["DBInstances"][0]["MasterUsername"] == secret["DB_USERNAME"]
