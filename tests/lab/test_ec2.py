"""Instances that really boot, and images that really are their disks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import until

Lab = Any  # conftest's RunningLab

# From RunInstances to sshd's banner: 2 s on a quiet machine of 2 cores, 12 s on one with a load
# of 20, and once more than 60 s beside Molecule; a boot that takes longer than this hangs.
BOOT_SECONDS = 120

IMAGE = "ec2-test"


@dataclass
class Account:
    """EC2 of the lab, in its default VPC."""

    lab: Lab
    group: str

    def __post_init__(self) -> None:
        self.ec2 = self.lab.client("ec2")

    def launch(self, **more: Any) -> str:
        """A running instance that ssh can reach."""
        wanted = {
            "ImageId": self.base(),
            "InstanceType": "t3.micro",
            "KeyName": "bakehouse",
            "SecurityGroupIds": [self.group],
            "MinCount": 1,
            "MaxCount": 1,
            **more,
        }
        instance: str = self.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]
        self.reachable(instance)
        return instance

    def base(self) -> str:
        named = [{"Name": "name", "Values": ["debian-13-amd64-*"]}]
        image: str = self.ec2.describe_images(Filters=named)["Images"][0]["ImageId"]
        return image

    def show(self, instance: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance])
        shown: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return shown

    def becomes(self, instance: str, state: str) -> None:
        """Wait for a state; one that it can't come from is an answer, and not waited for."""
        end = time.monotonic() + BOOT_SECONDS
        while (shown := self.show(instance))["State"]["Name"] != state:
            ended = shown["State"]["Name"] == "terminated"
            assert not ended, shown["StateReason"]
            assert time.monotonic() < end, f"{shown['State']} after {BOOT_SECONDS} s"
            time.sleep(0.2)

    def reachable(self, instance: str) -> None:
        def checks_pass() -> bool:
            found = self.ec2.describe_instance_status(InstanceIds=[instance])
            return [one["InstanceStatus"]["Status"] for one in found["InstanceStatuses"]] == ["ok"]

        until(checks_pass, seconds=BOOT_SECONDS)
        until(lambda: self._ssh(instance, "true")[0] == 0, seconds=BOOT_SECONDS)

    def on(self, instance: str, command: str) -> str:
        """What a command printed on the host; it must succeed."""
        status, said = self._ssh(instance, command)
        assert status == 0, f"{command}: {status}\n{said}"
        return said

    def ask(self, instance: str, command: str) -> None:
        """A command that may take the connection with it."""
        self._ssh(instance, command)

    def _ssh(self, instance: str, command: str) -> tuple[int, str]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        done = subprocess.run(
            [
                "ssh",
                "-n",
                "-i",
                self.lab.environment["BAKEHOUSE_SSH_KEY"],
                *(f"-o{option}" for option in (*options, "ConnectTimeout=5", "BatchMode=yes")),
                f"admin@{self.show(instance)['PrivateIpAddress']}",
                command,
            ],
            capture_output=True,
            text=True,
            timeout=BOOT_SECONDS,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()


@pytest.fixture(scope="module")
def account(lab: Lab) -> Iterator[Account]:
    ec2 = lab.client("ec2")
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    group = ec2.create_security_group(
        GroupName="ec2-test", Description="ssh from the operator", VpcId=default["VpcId"]
    )["GroupId"]
    ssh = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": default["CidrBlock"]}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ssh])
    account = Account(lab, group)
    yield account
    mine = [{"Name": "instance.group-id", "Values": [group]}]
    for reservation in ec2.describe_instances(Filters=mine)["Reservations"]:
        for instance in reservation["Instances"]:
            ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
            account.becomes(instance["InstanceId"], "terminated")
    ec2.delete_security_group(GroupId=group)
    named = [{"Name": "name", "Values": [IMAGE]}]
    for image in ec2.describe_images(Owners=["self"], Filters=named)["Images"]:
        ec2.deregister_image(ImageId=image["ImageId"])


@pytest.fixture(scope="module")
def instance(account: Account) -> str:
    """One instance for the tests that leave it running."""
    return account.launch()


def test_a_host_boots_completely_and_takes_the_key_pair(account: Account, instance: str) -> None:
    account.on(instance, "sudo cloud-init status --wait")
    assert account.on(instance, "systemctl is-system-running --wait") == "running"


def test_a_host_can_see_the_limits_of_its_instance_type(account: Account, instance: str) -> None:
    mib = 1024 * 1024
    limits = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"
    assert int(account.on(instance, f"cat {limits} 2>/dev/null | head -1")) == 1024 * mib


def test_a_host_enforces_what_systemd_is_told(account: Account, instance: str) -> None:
    strictly = "sudo systemd-run --pipe --quiet --wait -p ProtectSystem=strict"
    denied = account.on(instance, f"{strictly} touch /etc/written || echo denied")
    assert "Read-only file system" in denied
    secret = "sudo systemd-run --pipe --quiet --wait -p SetCredential=word:open"
    assert account.on(instance, f"{secret} sh -c 'cat $CREDENTIALS_DIRECTORY/word'") == "open"


def test_a_host_may_set_its_own_networks_settings_and_no_others(
    account: Account, instance: str
) -> None:
    account.on(instance, "sudo sysctl -qw net.core.somaxconn=2048")
    account.on(instance, "! sudo sysctl -qw vm.swappiness=1")
    account.on(instance, "! sudo date -s 2001-01-01")


def test_a_host_knows_where_the_api_is(account: Account, instance: str) -> None:
    login = account.on(instance, "printenv AWS_ENDPOINT_URL")
    service = "sudo systemd-run --pipe --quiet --wait printenv AWS_ENDPOINT_URL"
    assert account.on(instance, service) == login
    assert account.on(instance, f"curl -s -o /dev/null -w '%{{http_code}}' {login}") == "200"


def test_a_host_resolves_its_own_name(account: Account, instance: str) -> None:
    named = account.show(instance)["PrivateDnsName"]
    address = account.show(instance)["PrivateIpAddress"]
    assert address in account.on(instance, f"getent ahostsv4 {named}")


def test_the_console_shows_the_boot(account: Account, instance: str) -> None:
    printed = account.ec2.get_console_output(InstanceId=instance)["Output"]
    assert "cloud-init" in printed


def test_a_stopped_instance_starts_with_its_disk(account: Account) -> None:
    instance = account.launch()
    account.on(instance, "echo kept | sudo tee /root/kept")
    account.ec2.stop_instances(InstanceIds=[instance])
    account.becomes(instance, "stopped")
    account.ec2.start_instances(InstanceIds=[instance])
    account.reachable(instance)
    assert account.on(instance, "sudo cat /root/kept") == "kept"
    account.ec2.terminate_instances(InstanceIds=[instance])
    account.becomes(instance, "terminated")


def test_a_host_that_reboots_itself_comes_back(account: Account) -> None:
    instance = account.launch()
    boot = "systemctl show -P UserspaceTimestampMonotonic"
    before = account.on(instance, boot)
    account.ask(instance, "sudo systemctl reboot")
    until(lambda: account._ssh(instance, boot) not in ((0, before), (255, "")), BOOT_SECONDS)
    account.reachable(instance)
    assert account.on(instance, boot) != before
    assert account.show(instance)["State"]["Name"] == "running"


def test_a_host_that_powers_off_is_gone_when_it_was_launched_so(account: Account) -> None:
    instance = account.launch(InstanceInitiatedShutdownBehavior="terminate")
    account.ask(instance, "sudo systemctl poweroff")
    account.becomes(instance, "terminated")
    assert account.show(instance)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_an_image_is_the_hosts_disk_and_not_the_labs_mounts(account: Account) -> None:
    source = account.launch()
    account.on(source, "echo baked | sudo tee /etc/baked; sudo cloud-init clean --logs")
    image = account.ec2.create_image(InstanceId=source, Name=IMAGE)["ImageId"]
    waiter = account.ec2.get_waiter("image_available")
    waiter.wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": BOOT_SECONDS})
    account.reachable(source)
    host = account.launch(ImageId=image)
    assert account.on(host, "cat /etc/baked") == "baked"
    account.ec2.terminate_instances(InstanceIds=[source, host])
    account.becomes(host, "terminated")
    account.becomes(source, "terminated")
    inside = f"localhost/{account.lab.settings.prefix}/ami:{image}"
    disk = Path(account.lab.run("podman", "image", "mount", inside).stdout.strip())
    assert "AWS_" not in (disk / "etc/environment").read_text()
    assert (disk / "etc/baked").read_text() == "baked\n"
    account.lab.run("podman", "image", "unmount", inside)


def test_four_instances_come_at_once(account: Account) -> None:
    launched = account.ec2.run_instances(
        ImageId=account.base(), MinCount=4, MaxCount=4, SecurityGroupIds=[account.group]
    )["Instances"]
    ids = [one["InstanceId"] for one in launched]
    for one in ids:
        account.becomes(one, "running")
    assert len({account.show(one)["PrivateIpAddress"] for one in ids}) == 4
    account.ec2.terminate_instances(InstanceIds=ids)
    for one in ids:
        account.becomes(one, "terminated")
