"""Security groups between real instances."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bakehouse_lab.ec2.packet_filter import Interface, Surroundings, render
from bakehouse_lab.netns import inside

Lab = Any  # conftest's RunningLab

NO_ANSWER = 255
LINK = "sg-test"
PATIENCE = {"Delay": 1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def groups(lab: Lab) -> Iterator[tuple[str, str]]:
    ec2 = lab.client("ec2")
    made = [
        ec2.create_security_group(GroupName=f"sg-test-{name}", Description="a test")["GroupId"]
        for name in ("front", "back")
    ]
    yield made[0], made[1]
    for one in reversed(made):
        ec2.delete_security_group(GroupId=one)


@pytest.fixture(scope="module")
def hosts(lab: Lab, groups: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Two instances, the ids of which name front and back; nothing may come in yet."""
    ec2 = lab.client("ec2")
    images = ec2.describe_images(
        Owners=["136693071363"], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
    )["Images"]
    ids = [
        ec2.run_instances(
            ImageId=images[0]["ImageId"],
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            KeyName="bakehouse",
            SecurityGroupIds=[group],
        )["Instances"][0]["InstanceId"]
        for group in groups
    ]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=ids, WaiterConfig=PATIENCE)
    yield ids[0], ids[1]
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=PATIENCE)


def ssh(lab: Lab, address: str, command: str, status: int = 0) -> str:
    key = lab.environment["BAKEHOUSE_SSH_KEY"]
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5")
    words = ["ssh", "-i", key, *(f"-o{option}" for option in options), f"admin@{address}"]
    return str(lab.run(*words, command, status=status).stdout).strip()


def address_of(ec2: Any, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["PrivateIpAddress"])


def rule(port: int, **source: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}


@pytest.fixture
def namespace() -> Iterator[str]:
    """The path of a network namespace at 198.51.100.2, whose way out is 198.51.100.1."""
    name = f"sg-test-{os.getpid()}"
    words = f"""
        netns add {name}
        link add {LINK} type veth peer name inner netns {name}
        addr add 198.51.100.1/30 dev {LINK}
        link set {LINK} up
        -n {name} addr add 198.51.100.2/30 dev inner
        -n {name} link set inner up
    """
    for line in words.strip().splitlines():
        subprocess.run(["ip", *line.split()], check=True)
    yield f"/run/netns/{name}"
    subprocess.run(["ip", "netns", "delete", name], check=True)


def test_a_connection_that_is_older_than_the_filter_goes_on(namespace: str) -> None:
    """cloud-init's question to the metadata service, when the groups come before the answer."""
    host, around = Interface("198.51.100.2", (), ()), Surroundings("198.51.100.1", 1)
    nobody_may_come = render([host], {}, around)
    with socket.create_server(("198.51.100.1", 0)) as server:
        with inside(namespace):
            asks = socket.create_connection(server.getsockname())
        answers, _ = server.accept()
        with asks, answers:
            enter = ["nsenter", f"--net={namespace}", "nft", "-f", "-"]
            subprocess.run(enter, input=nobody_may_come, text=True, check=True)
            asks.settimeout(5)
            answers.send(b"i-0123")
            assert asks.recv(6) == b"i-0123"


def test_nothing_comes_in_until_a_rule_lets_it(
    lab: Lab,
    groups: tuple[str, str],
    hosts: tuple[str, str],
    eventually: Callable[..., None],
) -> None:
    ec2, (front, back) = lab.client("ec2"), groups
    front_host, back_host = (address_of(ec2, host) for host in hosts)
    ssh(lab, front_host, "true", status=NO_ANSWER)  # five seconds without an answer

    cidr = lab.settings.default_vpc_cidr
    from_machine = rule(22, IpRanges=[{"CidrIp": cidr}])
    ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[from_machine])
    assert ssh(lab, front_host, "hostname -I")

    knock = f"timeout 3 bash -c 'echo </dev/tcp/{back_host}/22' 2>/dev/null && echo in || echo out"
    assert ssh(lab, front_host, knock) == "out"
    from_front = rule(22, UserIdGroupPairs=[{"GroupId": front}])
    ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=[from_front])
    eventually(lambda: ssh(lab, front_host, knock) == "in", seconds=10)

    ec2.revoke_security_group_ingress(GroupId=back, IpPermissions=[from_front])
    eventually(lambda: ssh(lab, front_host, knock) == "out", seconds=10)

    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=[from_front])
    ec2.revoke_security_group_egress(GroupId=front, IpPermissions=[everything])
    eventually(lambda: ssh(lab, front_host, knock) == "out", seconds=10)


def test_a_host_that_flushes_its_firewall_is_filtered_again(
    lab: Lab, hosts: tuple[str, str], eventually: Callable[..., None]
) -> None:
    """A base image has no nft, so the machine's own does it, as one in the host would."""
    container = f"{lab.settings.prefix}-{hosts[0]}"
    pid = lab.run("podman", "inspect", "--format={{.State.Pid}}", container).stdout.strip()
    nft = ("nsenter", f"--net=/proc/{pid}/ns/net", "nft")
    lab.run(*nft, "flush", "ruleset")
    eventually(lambda: "bakehouse_groups" in lab.run(*nft, "list", "tables").stdout, seconds=30)
