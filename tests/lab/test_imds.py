"""The metadata service, asked from inside real instances that allow version 2 only."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

Lab = Any  # conftest's RunningLab

ROLE = "imds-test"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
PATIENCE = {"Delay": 1, "MaxAttempts": 300}
USER_DATA = "#!/bin/sh\necho 'user data ran' > /root/user-data\n"


@dataclass(frozen=True)
class Host:
    """An instance that can be asked."""

    lab: Lab
    id: str
    address: str

    def run(self, command: str, status: int = 0) -> str:
        """Run a shell command there as admin; what it printed."""
        key = self.lab.environment["BAKEHOUSE_SSH_KEY"]
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        words = ["ssh", "-i", key, *(f"-o{option}" for option in options), f"admin@{self.address}"]
        return str(self.lab.run(*words, command, status=status).stdout).strip()

    def ask(self, path: str, *options: str) -> tuple[str, int]:
        """Ask the metadata service with curl; body and status."""
        words = ("curl", "-s", "-m", "5", "-w", "\n%{http_code}", *options)
        said = self.run(shlex.join([*words, f"http://169.254.169.254{path}"]))
        body, _, status = said.rpartition("\n")
        return body, int(status)

    def read(self, path: str) -> str:
        """Read with a token, as version 2 wants it."""
        token, status = self.ask(
            "/latest/api/token", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"
        )
        assert status == 200
        body, status = self.ask(path, "-H", f"X-aws-ec2-metadata-token: {token}")
        assert status == 200, f"{path}: {status} {body}"
        return body


def newest(lab: Lab, name: str) -> str:
    images = lab.client("ec2").describe_images(
        Owners=["136693071363"], Filters=[{"Name": "name", "Values": [name]}]
    )["Images"]
    return str(max(images, key=lambda each: each["CreationDate"])["ImageId"])


@pytest.fixture(scope="module")
def profile(lab: Lab) -> Iterator[str]:
    iam = lab.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    yield ROLE
    iam.remove_role_from_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    iam.delete_instance_profile(InstanceProfileName=ROLE)
    iam.delete_role(RoleName=ROLE)


@pytest.fixture(scope="module")
def group(lab: Lab) -> Iterator[str]:
    ec2 = lab.client("ec2")
    made = ec2.create_security_group(GroupName="imds-test", Description="ssh from the machine")
    ec2.authorize_security_group_ingress(
        GroupId=made["GroupId"],
        IpProtocol="tcp",
        FromPort=22,
        ToPort=22,
        CidrIp=lab.settings.default_vpc_cidr,
    )
    yield made["GroupId"]
    ec2.delete_security_group(GroupId=made["GroupId"])


@pytest.fixture(scope="module", params=["debian-13-amd64-*", "debian-12-amd64-*"])
def host(
    lab: Lab,
    profile: str,
    group: str,
    request: pytest.FixtureRequest,
) -> Iterator[Host]:
    ec2 = lab.client("ec2")
    started = ec2.run_instances(
        ImageId=newest(lab, request.param),
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        KeyName="bakehouse",
        SecurityGroupIds=[group],
        IamInstanceProfile={"Name": profile},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        UserData=USER_DATA,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Colour", "Value": "blue"}]}
        ],
    )["Instances"][0]
    ec2.get_waiter("instance_status_ok").wait(
        InstanceIds=[started["InstanceId"]], WaiterConfig=PATIENCE
    )
    host = Host(lab, started["InstanceId"], started["PrivateIpAddress"])
    host.run("cloud-init status --wait")
    yield host
    ec2.terminate_instances(InstanceIds=[host.id])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[host.id], WaiterConfig=PATIENCE)


def test_cloud_init_finds_ec2_through_version_2_alone(host: Host) -> None:
    assert host.run("cloud-init query cloud_name") == "aws"
    assert host.run("cloud-init query v1.instance_id") == host.id
    assert host.run("cloud-init query v1.region") == "us-east-1"
    assert host.run("sudo cat /root/user-data") == "user data ran"


def test_a_reader_without_a_token_is_refused(host: Host) -> None:
    assert host.ask("/latest/meta-data/instance-id") == ("Unauthorized", 401)


def test_a_token_is_not_given_to_a_proxy(host: Host) -> None:
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    _, status = host.ask(
        "/latest/api/token", "-X", "PUT", "-H", ttl, "-H", "X-Forwarded-For: 10.0.0.1"
    )
    assert status == 403


def test_the_instance_reads_who_it_is_and_where(host: Host) -> None:
    assert host.read("/latest/meta-data/instance-id") == host.id
    assert host.read("/latest/meta-data/local-ipv4") == host.address
    assert host.read("/latest/meta-data/placement/region") == "us-east-1"
    assert host.read("/latest/meta-data/tags/instance/Colour") == "blue"
    assert host.read("/latest/user-data").strip() == USER_DATA.strip()
    document = json.loads(host.read("/latest/dynamic/instance-identity/document"))
    assert document["instanceId"] == host.id


def test_role_credentials_work_against_the_lab_and_say_which_instance_calls(host: Host) -> None:
    import boto3

    path = "/latest/meta-data/iam/security-credentials/"
    assert host.read(path) == ROLE
    keys = json.loads(host.read(path + ROLE))
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=host.lab.settings.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
    )
    caller = sts.get_caller_identity()["Arn"]
    assert caller == f"arn:aws:sts::123456789012:assumed-role/{ROLE}/{host.id}"


def test_a_token_does_not_reach_a_network_behind_the_instance(host: Host) -> None:
    # A namespace behind the instance, as a container there would have it; the hop limit is 1.
    host.run(
        "sudo sh -ec '"
        "ip netns add behind; ip link add out type veth peer name in netns behind; "
        "ip addr add 10.99.0.1/24 dev out; ip link set out up; "
        "ip -n behind addr add 10.99.0.2/24 dev in; ip -n behind link set in up; "
        "ip -n behind route add default via 10.99.0.1; "
        "sysctl -qw net.ipv4.ip_forward=1'"
    )
    # A base image has no nft, so the machine's own does it, as one in the host would.
    container = f"{host.lab.settings.prefix}-{host.id}"
    pid = host.lab.run("podman", "inspect", "--format={{.State.Pid}}", container).stdout.strip()
    nft = ("nsenter", f"--net=/proc/{pid}/ns/net", "nft")
    host.lab.run(*nft, "add table ip behind")
    host.lab.run(*nft, "add chain ip behind out { type nat hook postrouting priority 100; }")
    host.lab.run(*nft, "add rule ip behind out ip saddr 10.99.0.0/24 masquerade")
    ask = (
        "sudo ip netns exec behind curl -s -m 3 -o /dev/null -w '%{http_code}' -X PUT "
        "-H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
    )
    assert host.run(f"{ask} || true") == "000"
    host.lab.client("ec2").modify_instance_metadata_options(
        InstanceId=host.id, HttpPutResponseHopLimit=2
    )
    assert host.run(f"{ask} || true") == "200"


def test_metadata_can_be_turned_off(host: Host, eventually: Callable[..., None]) -> None:
    ec2 = host.lab.client("ec2")
    ec2.modify_instance_metadata_options(InstanceId=host.id, HttpEndpoint="disabled")
    assert host.ask("/latest/meta-data/")[1] == 403
    ec2.modify_instance_metadata_options(InstanceId=host.id, HttpEndpoint="enabled")
    assert host.read("/latest/meta-data/instance-id") == host.id
