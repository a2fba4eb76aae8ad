"""An instance is what its host is: launched, stopped, started, rebooted, gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from bakehouse_lab.ec2 import hosts
from bakehouse_lab.ec2.first_process import listens_on_ssh
from bakehouse_lab.loop import Errands

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Desk = Any


def test_an_instance_is_pending_until_its_host_is_up(desk: Desk) -> None:
    launched = desk.ec2.run_instances(ImageId=desk.base(), MinCount=1, MaxCount=1)["Instances"][0]
    assert launched["State"]["Name"] == "pending"
    desk.settle()
    assert desk.state(launched["InstanceId"]) == "running"


class Later(Errands):
    """One errand, that ends when it is told to."""

    end: Callable[[], None]

    def run(self, key: str, errand: Callable[[], None], then: Callable[[], None]) -> bool:
        self._busy.add(key)
        self.end = lambda: self._do(key, errand, then)
        return True


def test_a_launch_that_ends_just_after_the_hosts_were_seen_is_no_host_that_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.lab.errands = launching = Later()
    launched = desk.ec2.run_instances(ImageId=desk.base(), MinCount=1, MaxCount=1)["Instances"][0]
    desk.fleet.step()

    def seen_too_early(kind: str) -> list[Any]:
        launching.end()
        return []

    monkeypatch.setattr(desk.podman, "list", seen_too_early)
    desk.fleet.step()
    assert desk.state(launched["InstanceId"]) == "running"


def test_one_that_is_removed_just_after_the_hosts_were_seen_is_nobody_s_leftover(
    sit_down: Callable[[Any], Desk], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = desk.launch()
    again = sit_down(desk.podman)  # after a crash: its record is gone
    again.lab.errands = removing = Later()
    again.fleet.step()
    removed: list[str] = []
    seen: list[Any] = again.podman.list()

    def seen_too_early(kind: str) -> list[Any]:
        removing.end()
        return seen

    monkeypatch.setattr(again.podman, "list", seen_too_early)
    monkeypatch.setattr(removing, "run", lambda key, *how: removed.append(key))
    again.fleet.step()
    assert again.podman.state == {}
    assert removed == [], instance


def test_a_host_has_what_the_instance_says(desk: Desk) -> None:
    instance = desk.launch(InstanceType="t3.medium")
    host, shown = desk.podman.made[desk.container(instance)], desk.show(instance)
    assert host.image == "localhost/bakehouse-base:debian-13"
    assert host.ip == shown["PrivateIpAddress"]
    assert host.network == "net-172.24.0.0/16"
    assert shown["PrivateDnsName"] in host.aliases
    assert (host.memory_mib, host.cpus) == (4096, 2)


def test_the_way_to_the_api_is_mounted_and_not_written(desk: Desk) -> None:
    host = desk.podman.made[desk.container(desk.launch())]
    mounted = {mount.split(":")[1]: mount.split(":") for mount in host.mounts}
    source, _, mode = mounted["/etc/environment"]
    assert mode == "ro"
    assert "AWS_ENDPOINT_URL=http://10.0.0.1:5270\n" in Path(source).read_text()
    assert host.environment == {}


def test_a_launch_that_fails_ends_the_instance_and_says_why(desk: Desk) -> None:
    desk.podman.broken.add("create")
    instance = desk.launch()
    assert desk.state(instance) == "terminated"
    assert desk.show(instance)["StateReason"] == {
        "Code": "Server.InternalError",
        "Message": "Server.InternalError: podman create: no space left on device",
    }


def test_a_host_that_was_made_but_does_not_start_is_removed(desk: Desk) -> None:
    desk.podman.broken.add("start")
    assert desk.state(desk.launch()) == "terminated"
    assert desk.podman.state == {}


def test_stop_keeps_the_disk_and_start_brings_it_back(desk: Desk) -> None:
    instance = desk.launch()
    first = desk.podman.made[desk.container(instance)]
    desk.ec2.stop_instances(InstanceIds=[instance])
    assert desk.state(instance) == "stopping"
    desk.settle()
    assert desk.state(instance) == "stopped"
    desk.ec2.start_instances(InstanceIds=[instance])
    assert desk.state(instance) == "pending"
    desk.settle()
    assert desk.state(instance) == "running"
    assert desk.podman.made[desk.container(instance)] is first


def test_a_stopped_instance_says_who_stopped_it(desk: Desk) -> None:
    instance = desk.launch()
    desk.ec2.stop_instances(InstanceIds=[instance])
    desk.settle()
    assert desk.show(instance)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_a_host_that_powers_off_is_a_stopped_instance(desk: Desk) -> None:
    instance = desk.launch()
    desk.podman.ends(desk.container(instance), 130)
    desk.settle()
    assert desk.state(instance) == "stopped"
    assert desk.show(instance)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_host_that_reboots_itself_is_a_running_instance(desk: Desk) -> None:
    instance = desk.launch()
    desk.podman.ends(desk.container(instance), 129)
    desk.settle()
    assert desk.state(instance) == "running"
    assert desk.podman.seen(desk.container(instance)).running


def test_a_host_whose_owner_wants_it_gone_at_shutdown_is_gone(desk: Desk) -> None:
    instance = desk.launch(InstanceInitiatedShutdownBehavior="terminate")
    desk.podman.ends(desk.container(instance), 130)
    desk.settle()
    assert desk.state(instance) == "terminated"
    assert desk.podman.state == {}


def test_reboot_starts_the_host_once_more(desk: Desk) -> None:
    instance = desk.launch()
    starts: list[str] = []
    start = desk.podman.start

    def counted(name: str) -> None:
        starts.append(name)
        start(name)

    desk.podman.start = counted
    desk.ec2.reboot_instances(InstanceIds=[instance])
    desk.settle()
    assert starts == [desk.container(instance)]
    assert desk.state(instance) == "running"


def test_an_address_is_not_given_again_before_its_host_is_gone(desk: Desk) -> None:
    instance = desk.launch()
    address = desk.show(instance)["PrivateIpAddress"]
    desk.ec2.terminate_instances(InstanceIds=[instance])
    while_it_goes = desk.ec2.run_instances(ImageId=desk.base(), MinCount=1, MaxCount=1)
    assert while_it_goes["Instances"][0]["PrivateIpAddress"] != address
    desk.settle()
    assert desk.show(desk.launch())["PrivateIpAddress"] == address


def test_a_terminated_instance_holds_nothing(desk: Desk) -> None:
    instance = desk.launch()
    desk.ec2.terminate_instances(InstanceIds=[instance])
    desk.settle()
    assert desk.state(instance) == "terminated"
    assert desk.podman.state == {}
    assert desk.ec2.describe_volumes()["Volumes"] == []
    assert desk.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert desk.lab.world.addresses == {}


def test_packet_filters_can_see_whose_an_address_is(desk: Desk) -> None:
    instance = desk.launch()
    shown = desk.show(instance)
    address = desk.lab.world.addresses[shown["PrivateIpAddress"]]
    assert address.owner == instance
    assert address.container == desk.container(instance)
    assert address.security_groups == (shown["SecurityGroups"][0]["GroupId"],)


def test_a_change_of_groups_reaches_the_packet_filters(desk: Desk) -> None:
    instance = desk.launch()
    shown = desk.show(instance)
    group = desk.ec2.create_security_group(
        GroupName="web", Description="web", VpcId=shown["VpcId"]
    )["GroupId"]
    desk.ec2.modify_instance_attribute(InstanceId=instance, Groups=[group])
    desk.settle()
    assert desk.lab.world.members(group) == {shown["PrivateIpAddress"]}


@pytest.mark.parametrize("verb", ["start_instances", "stop_instances", "reboot_instances"])
def test_a_terminated_instance_takes_no_more_orders(desk: Desk, verb: str) -> None:
    instance = desk.launch()
    desk.ec2.terminate_instances(InstanceIds=[instance])
    desk.settle()
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        getattr(desk.ec2, verb)(InstanceIds=[instance])


def test_an_image_that_is_not_there_is_refused_before_anything_is_made(desk: Desk) -> None:
    with pytest.raises(ClientError, match=r"InvalidAMIID\.NotFound"):
        desk.ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1)
    assert desk.ec2.describe_instances()["Reservations"] == []


def test_the_console_shows_what_the_host_printed(desk: Desk) -> None:
    instance = desk.launch()
    said = desk.ec2.get_console_output(InstanceId=instance)["Output"]
    assert said == f"{desk.container(instance)} says hello"


def test_hosts_of_a_process_that_crashed_are_removed(
    desk: Desk, sit_down: Callable[[Any], Any]
) -> None:
    desk.launch()
    again = sit_down(desk.podman)
    again.settle()
    assert again.podman.state == {}


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:{port} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0 0 4711 1
"""


@pytest.mark.parametrize(
    ("why", "port", "state", "listens"),
    [
        ("sshd listens", "0016", "0A", True),
        ("a connection from port 22 is no listener", "0016", "01", False),
        ("another port is not ssh", "0050", "0A", False),
    ],
)
def test_a_host_is_reachable_once_something_listens_for_ssh(
    why: str, port: str, state: str, listens: bool, tmp_path: Path
) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text(TCP.format(port=port, state=state))
    assert listens_on_ssh(7, tmp_path) is listens


def test_a_host_that_has_just_ended_is_not_reachable(tmp_path: Path) -> None:
    assert not listens_on_ssh(7, tmp_path)


# Of the shell that boots the host: it catches two signals, and blocks none.
SHELL = "Name:\tsh\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000010002\n"


def test_a_host_that_boots_is_told_to_stop_when_it_can_hear_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, status = desk.launch(), tmp_path / "proc" / "1" / "status"
    systemd, told = status.read_text(), []
    status.write_text(SHELL)
    monkeypatch.setattr("time.sleep", lambda seconds: status.write_text(systemd))

    def stop(name: str, grace: int) -> None:
        told.append(status.read_text())
        desk.podman.ends(name, 130)

    monkeypatch.setattr(desk.podman, "stop", stop)
    desk.ec2.stop_instances(InstanceIds=[instance])
    desk.settle()
    assert desk.state(instance) == "stopped"
    assert told == [systemd]


def test_a_host_that_never_hears_is_stopped_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, given = desk.launch(), []
    (tmp_path / "proc" / "1" / "status").write_text(SHELL)
    monkeypatch.setattr(hosts, "STOP_SECONDS", 0.3)

    def stop(name: str, grace: int) -> None:
        given.append(grace)
        desk.podman.ends(name, 137)

    monkeypatch.setattr(desk.podman, "stop", stop)
    desk.ec2.stop_instances(InstanceIds=[instance])
    desk.settle()
    assert desk.state(instance) == "stopped"
    assert given == [0]
