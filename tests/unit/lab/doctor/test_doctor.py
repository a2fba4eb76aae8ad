from __future__ import annotations

import dataclasses
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from bakehouse_lab import doctor
from bakehouse_lab.doctor import FAIL, OK, PROGRAMS, WARN, Facts, Finding, Route, examine
from bakehouse_lab.machine import Machine
from bakehouse_lab.ports import Listener
from bakehouse_lab.settings import Settings

LAB = Settings(0)
GOOD = Facts(
    uid=0,
    missing_capabilities=(),
    distribution="debian",
    version="12",
    architecture="x86_64",
    free_disk_gb=73.2,
    memory_mib=24105,
    inotify_instances=1024,
    machine=Machine(False, False, 20000, 96365, ("runc",)),
    programs=dict.fromkeys(PROGRAMS, "installed") | {"podman": "4.3.1"},
    network_backend="netavark",
    listeners={},
    routes=(Route(IPv4Network("192.168.1.0/24"), "eth0"),),
)
SERVE = ("/usr/bin/python", "-m", "bakehouse_lab.serve")
CONMON = ("/usr/bin/conmon", "-n", "bakehouse-lab-alb-staging-alb")


def faults(facts: Facts, before_setup: bool = False) -> list[Finding]:
    return [one for one in examine(facts, LAB, before_setup) if one.level != OK]


def but(**changes: Any) -> Facts:
    return dataclasses.replace(GOOD, **changes)


def test_a_good_machine_has_nothing_to_mend() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("level", "what", "mend", "facts"),
    [
        (FAIL, "rights", "sudo", but(uid=1000)),
        (FAIL, "rights", "--privileged", but(missing_capabilities=("SYS_ADMIN",))),
        (WARN, "system", "", but(distribution="fedora", version="42")),
        (WARN, "system", "", but(version="11")),
        (WARN, "system", "", but(distribution="ubuntu", version="22.04")),
        (FAIL, "system", "", but(architecture="aarch64")),
        (WARN, "disk", "make room", but(free_disk_gb=14.0)),
        (FAIL, "disk", "make room", but(free_disk_gb=4.0)),
        (FAIL, "memory", "more memory", but(memory_mib=1992)),
        (WARN, "inotify instances", "sysctl -w", but(inotify_instances=128)),
        (WARN, "limits", "ulimit", but(machine=Machine(True, False, 1024, 90000, ("crun",)))),
        (WARN, "limits", "ulimit", but(machine=Machine(True, False, 90000, 1024, ("crun",)))),
        (
            FAIL,
            "containers",
            "install runc",
            but(machine=Machine(False, True, 20000, 90000, ("crun",))),
        ),
        (FAIL, "containers", "install", but(machine=Machine(True, True, 20000, 90000, ()))),
        (FAIL, "podman", "make setup", but(programs={**GOOD.programs, "podman": "3.4.4"})),
        (FAIL, "podman's networks", "netavark", but(network_backend="cni")),
        (FAIL, "ports", "BAKEHOUSE_LAB_SLOT", but(listeners={8080: Listener(8080, 7, ("x",))})),
        (
            FAIL,
            "networks",
            "BAKEHOUSE_LAB_SLOT",
            but(routes=(Route(IPv4Network("10.20.30.0/24"), "wg0"),)),
        ),
        (
            FAIL,
            "networks",
            "BAKEHOUSE_LAB_SLOT",
            but(routes=(Route(IPv4Network("172.16.0.0/12"), "tun0"),)),
        ),
    ],
)
def test_a_fault_is_named_with_what_to_type(level: str, what: str, mend: str, facts: Facts) -> None:
    (found,) = faults(facts)
    assert (found.level, found.what) == (level, what)
    assert mend in found.mend
    assert found.wanted


def test_a_missing_program_is_named() -> None:
    programs = {name: said for name, said in GOOD.programs.items() if name != "nft"}
    assert [one.what for one in faults(but(programs=programs))] == ["nft"]


def test_what_setup_installs_is_not_asked_for_before_it_ran() -> None:
    bare = but(programs={}, network_backend="", machine=Machine(False, True, 20000, 90000, ()))
    assert faults(bare, before_setup=True) == []


def test_a_lab_that_runs_is_no_fault() -> None:
    running = {4570: Listener(4570, 7, SERVE), 8080: Listener(8080, 8, CONMON)}
    bridge = Route(IPv4Network(LAB.environment_cidr), "podman1")
    assert faults(but(listeners=running, routes=(bridge,))) == []


def test_another_lab_on_the_same_port_is_a_fault() -> None:
    other = ("/usr/bin/conmon", "-n", "bakehouse-lab1-alb-staging-alb")
    assert faults(but(listeners={8080: Listener(8080, 8, other)}))


def test_inotify_is_said_in_hosts() -> None:
    assert "about 21 hosts" in faults(but(inotify_instances=128))[0].found


def test_limits_that_may_be_raised_are_no_limits() -> None:
    free = Machine(True, True, 1024, 1024, ("crun",))
    assert faults(but(machine=free)) == []


def test_the_report_says_what_was_found_wanted_and_how_to_mend_it() -> None:
    said = doctor.report([Finding(FAIL, "memory", "2 GB", "4 GB", "buy some")], colour=False)
    assert " ".join(said.split()) == "fail memory 2 GB; wanted: 4 GB try: buy some"
    assert "\033" not in said


def test_the_default_route_leads_everywhere_and_clashes_with_nothing() -> None:
    table = "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 0 0 3 0 0 0 0\n"
    table = table.replace("eth0 0 0 3 0 0 0 0", "eth0 00000000 010000C0 0003 0 0 0 00000000")
    assert list(doctor.routes(table)) == []


def test_it_runs_as_a_file_on_a_python_that_has_no_packages() -> None:
    file = Path(doctor.__file__)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(file), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "exit status" in done.stdout
