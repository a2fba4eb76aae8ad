"""What this machine lacks for a lab, and the command that mends it.

Needs nothing but Python, so that it runs before anything is set up:

    python3 lab/bakehouse_lab/doctor.py

`Facts.look` reads the machine; the checks are pure.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a file: its folder is no place to import from, the one above is
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bakehouse_lab import ports
from bakehouse_lab.machine import Machine
from bakehouse_lab.settings import Settings, UnusableSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EPILOG = """\
exit status: 0 a lab can run here (warnings are limits to know), 1 it cannot, 2 no such option

examples:
  scripts/lab doctor
  python3 lab/bakehouse_lab/doctor.py     before anything is set up
"""

OK, WARN, FAIL = "ok", "warn", "fail"

GIB = 1024**3
DISK_WANTED_GB, DISK_NEEDED_GB = 15, 5  # images, a bake, databases; with images there already
MEMORY_NEEDED_MIB = 3500  # what a machine sold with 4 GB shows
INOTIFY_WANTED, INOTIFY_PER_HOST = 512, 6
OPEN_FILES_WANTED, PROCESSES_WANTED = 16384, 8192
CAPABILITIES = {12: "NET_ADMIN", 19: "SYS_PTRACE", 21: "SYS_ADMIN"}

# (program, least version or empty); where podman keeps its own, not all are on the PATH.
PROGRAMS = {
    "podman": "4.3",
    "netavark": "",
    "aardvark-dns": "",
    "iptables": "",
    "nft": "",
    "nsenter": "",
    "ssh": "",
    "ssh-keygen": "",
    "mmdebstrap": "",
}
PODMANS_OWN = ("/usr/lib/podman", "/usr/libexec/podman", "/usr/local/libexec/podman")


@dataclass(frozen=True, slots=True)
class Route:
    """A range that this machine reaches through a device."""

    network: IPv4Network
    device: str


@dataclass(frozen=True, slots=True)
class Facts:
    """This machine."""

    uid: int
    missing_capabilities: tuple[str, ...]
    distribution: str  # ID of os-release: debian, ubuntu
    version: str
    architecture: str
    free_disk_gb: float
    memory_mib: int
    inotify_instances: int
    machine: Machine
    programs: Mapping[str, str]  # version by name; absent when it is not installed
    network_backend: str  # podman's: netavark, cni; empty when not known
    listeners: Mapping[int, ports.Listener]
    routes: tuple[Route, ...]

    @classmethod
    def look(cls, settings: Settings) -> Facts:
        """Read this machine; what needs root and is not to be had counts as not there."""
        release = _release()
        wanted = ports_of(settings)
        found = {port: ports.listener(port) for port in wanted}
        return cls(
            uid=os.geteuid(),
            missing_capabilities=_missing_capabilities(Path("/proc/self/status").read_text()),
            distribution=release.get("ID", "unknown"),
            version=release.get("VERSION_ID", ""),
            architecture=platform.machine(),
            free_disk_gb=shutil.disk_usage("/var/lib").free / GIB,
            memory_mib=memory_mib(Path("/proc/meminfo").read_text()),
            inotify_instances=int(Path("/proc/sys/fs/inotify/max_user_instances").read_text()),
            machine=Machine.look(),
            programs={name: version for name in PROGRAMS if (version := _version(name))},
            network_backend=_said("podman", "info", "--format", "{{.Host.NetworkBackend}}"),
            listeners={port: one for port, one in found.items() if one},
            routes=tuple(routes(Path("/proc/net/route").read_text())),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `wanted` and `mend` are empty where all is well."""

    level: str
    what: str
    found: str
    wanted: str = ""
    mend: str = ""


def examine(facts: Facts, settings: Settings, before_setup: bool = False) -> list[Finding]:
    """All findings, in the order in which a person would mend them.

    Before set-up, what it installs is not asked for.
    """
    findings = [
        check_root(facts),
        check_distribution(facts),
        check_disk(facts),
        check_memory(facts),
        check_inotify(facts),
        check_limits(facts),
        check_ports(facts, settings),
        check_ranges(facts, settings),
    ]
    if not before_setup:
        findings += [check_runtime(facts), *check_programs(facts), check_backend(facts)]
    return findings


def check_root(facts: Facts) -> Finding:
    """Bridges, namespaces and packet filters are root's, with all of root's powers."""
    if facts.uid != 0:
        mend = "run it with sudo"
        return Finding(FAIL, "rights", f"uid {facts.uid}", "root", mend)
    if facts.missing_capabilities:
        found = f"root without {', '.join(facts.missing_capabilities)}"
        mend = "run it on the machine itself, or in a container started with --privileged"
        return Finding(FAIL, "rights", found, "all of root's capabilities", mend)
    return Finding(OK, "rights", "root")


def check_distribution(facts: Facts) -> Finding:
    """Package names and versions are those of Debian 12, Ubuntu 24.04 and newer; amd64."""
    found = f"{facts.distribution} {facts.version}, {facts.architecture}"
    wanted = "Debian 12 or Ubuntu 24.04, or newer, on x86_64"
    least = {"debian": 12.0, "ubuntu": 24.04}.get(facts.distribution)
    number = float(facts.version) if re.fullmatch(r"\d+(\.\d+)?", facts.version) else None
    if facts.architecture != "x86_64":
        return Finding(FAIL, "system", found, wanted, "take a machine of that kind")
    if least is None or (number is not None and number < least):
        return Finding(WARN, "system", found, wanted, "nobody has tried it here: go on, or change")
    return Finding(OK, "system", found)


def check_disk(facts: Facts) -> Finding:
    """A first run unpacks Debian thrice and bakes; later ones add a layer for each bake."""
    found = f"{facts.free_disk_gb:.0f} GB free in /var/lib"
    if facts.free_disk_gb >= DISK_WANTED_GB:
        return Finding(OK, "disk", found)
    level = WARN if facts.free_disk_gb >= DISK_NEEDED_GB else FAIL
    mend = "podman image prune; or make room in /var/lib"
    return Finding(level, "disk", found, f"{DISK_WANTED_GB} GB", mend)


def check_memory(facts: Facts) -> Finding:
    """Two web hosts, a balancer, a database, a cache and the API itself."""
    found = f"{facts.memory_mib} MiB"
    if facts.memory_mib >= MEMORY_NEEDED_MIB:
        return Finding(OK, "memory", found)
    return Finding(FAIL, "memory", found, "4 GB", "take a machine with more memory")


def check_inotify(facts: Facts) -> Finding:
    """systemd holds six of these in each host, and all hosts share root's."""
    hosts = facts.inotify_instances // INOTIFY_PER_HOST
    found = f"{facts.inotify_instances}, enough for about {hosts} hosts"
    if facts.inotify_instances >= INOTIFY_WANTED:
        return Finding(OK, "inotify instances", found)
    mend = "sysctl -w fs.inotify.max_user_instances=1024"
    return Finding(WARN, "inotify instances", found, f"{INOTIFY_WANTED} or more", mend)


def check_limits(facts: Facts) -> Finding:
    """Containers get the machine's own limits where the lab may not raise them."""
    machine = facts.machine
    found = f"{machine.open_files} open files, {machine.processes} processes"
    enough = machine.open_files >= OPEN_FILES_WANTED and machine.processes >= PROCESSES_WANTED
    if machine.may_raise_limits or enough:
        return Finding(OK, "limits", found)
    wanted = f"{OPEN_FILES_WANTED} open files, {PROCESSES_WANTED} processes"
    mend = f"ulimit -Hn {OPEN_FILES_WANTED}; ulimit -Hu {PROCESSES_WANTED} (in a shell that may)"
    return Finding(WARN, "limits", found, wanted, mend)


def check_ports(facts: Facts, settings: Settings) -> Finding:
    """The lab's ports, unless it is the lab itself that has them."""
    taken = [
        f"{port} by {listener}"
        for port, listener in facts.listeners.items()
        if not is_labs(listener, settings)
    ]
    if not taken:
        said = ", ".join(map(str, ports_of(settings)))
        state = "in use by the lab" if facts.listeners else "free"
        return Finding(OK, "ports", f"{said}: {state}")
    mend = f"end those programs, or take another lab: {settings.neighbour.command} up"
    return Finding(FAIL, "ports", f"taken: {'; '.join(taken)}", "nobody listening", mend)


def check_ranges(facts: Facts, settings: Settings) -> Finding:
    """A VPC's range must lead nowhere else from this machine."""
    ranges = [IPv4Network(settings.environment_cidr), IPv4Network(settings.default_vpc_cidr)]
    clashes = [
        f"{route.network} by {route.device}"
        for route in facts.routes
        for cidr in ranges
        if route.network.overlaps(cidr) and not _is_bridge_of(route, cidr)
    ]
    if not clashes:
        return Finding(OK, "networks", ", ".join(map(str, ranges)))
    mend = f"take another lab, with other networks: {settings.neighbour.command} up"
    found = f"reached elsewhere: {'; '.join(clashes)}"
    return Finding(FAIL, "networks", found, f"{' and '.join(map(str, ranges))} unused", mend)


def check_runtime(facts: Facts) -> Finding:
    """crun refuses to start on hybrid cgroups; runc takes both."""
    mode = "unified" if facts.machine.unified_cgroups else "hybrid or version 1"
    found = f"{mode} cgroups, {' and '.join(facts.machine.runtimes) or 'no runtime'}"
    needed = facts.machine.runtime
    if facts.machine.runtimes and (needed is None or needed in facts.machine.runtimes):
        return Finding(OK, "containers", found)
    return Finding(FAIL, "containers", found, needed or "runc or crun", "apt-get install runc")


def check_programs(facts: Facts) -> list[Finding]:
    """The programs that the lab runs; one line when all are there."""
    faults = []
    for name, least in PROGRAMS.items():
        version = facts.programs.get(name)
        if version is None:
            faults.append(Finding(FAIL, name, "not installed", "installed", "make setup"))
        elif least and _numbers(version) < _numbers(least):
            faults.append(Finding(FAIL, name, version, f"{least} or newer", "make setup"))
    return faults or [Finding(OK, "programs", f"podman {facts.programs['podman']} and others")]


def check_backend(facts: Facts) -> Finding:
    """Hosts find each other by name through aardvark, which only netavark has."""
    if facts.network_backend in ("netavark", ""):
        return Finding(OK, "podman's networks", facts.network_backend or "not asked")
    mend = 'set network_backend = "netavark" under [network] in /etc/containers/containers.conf'
    return Finding(FAIL, "podman's networks", facts.network_backend, "netavark", mend)


def memory_mib(meminfo: str) -> int:
    """MemTotal of /proc/meminfo.

    >>> memory_mib("MemTotal:        2097152 kB")
    2048
    """
    return int(_field(meminfo, "MemTotal")) // 1024


def routes(table: str) -> Iterator[Route]:
    """The routes of /proc/net/route but the default one; addresses there are little-endian.

    >>> head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT"
    >>> [*routes(head + chr(10) + "eth0 0000140A 00000000 0001 0 0 0 0000FFFF 0 0 0")]
    [Route(network=IPv4Network('10.20.0.0/16'), device='eth0')]
    """
    for line in table.splitlines()[1:]:
        words = line.split()
        address, mask = (bytes.fromhex(words[i])[::-1] for i in (1, 7))
        network = IPv4Network((address, int.from_bytes(mask, "big").bit_count()))
        if network.prefixlen:
            yield Route(network, words[0])


def report(findings: Sequence[Finding], colour: bool) -> str:
    """The findings as lines for a person."""
    paint = {OK: "\033[32m", WARN: "\033[33m", FAIL: "\033[31m"} if colour else {}
    plain = "\033[0m" if colour else ""
    lines = []
    for one in findings:
        wanted = f"; wanted: {one.wanted}" if one.wanted else ""
        level = f"{paint.get(one.level, '')}{one.level:4}{plain}"
        lines.append(f"{level}  {one.what:18} {one.found}{wanted}")
        if one.mend:
            lines.append(f"{'':24} try: {one.mend}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Examine this machine; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/lab doctor",
        description="Say what this machine lacks for a lab, and how to mend it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--before-setup", action="store_true", help="leave out what set-up will install"
    )
    wanted = parser.parse_args(argv)
    try:
        settings = Settings.from_environment()
    except UnusableSetting as unusable:
        sys.stderr.write(f"lab: {unusable}\n")
        return 1
    findings = examine(Facts.look(settings), settings, wanted.before_setup)
    sys.stdout.write(report(findings, sys.stdout.isatty()) + "\n")
    return int(any(one.level == FAIL for one in findings))


def ports_of(settings: Settings) -> tuple[int, ...]:
    """Of the API, of metadata, and of the first balancer."""
    return settings.api_port, settings.imds_port, settings.http_port, settings.https_port


def is_labs(listener: ports.Listener, settings: Settings) -> bool:
    """The API itself, or conmon, which holds the ports of the lab's balancers."""
    return "bakehouse_lab.serve" in listener.command or any(
        word.startswith(f"{settings.prefix}-") for word in listener.command
    )


def _is_bridge_of(route: Route, cidr: IPv4Network) -> bool:
    """A bridge of podman with just that range is the lab's own."""
    return route.network == cidr and route.device.startswith("podman")


def _field(text: str, name: str) -> str:
    """The word after `name:` in one of the kernel's tables."""
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _missing_capabilities(status: str) -> tuple[str, ...]:
    effective = int(_field(status, "CapEff"), 16)
    return tuple(name for bit, name in CAPABILITIES.items() if not effective >> bit & 1)


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _version(name: str) -> str | None:
    """The version that a program says, or `installed` for one that was only found."""
    path = shutil.which(name, path=os.pathsep.join((os.environ["PATH"], "/usr/sbin", *PODMANS_OWN)))
    if path is None:
        return None
    if not PROGRAMS[name]:
        return "installed"
    found = re.search(r"\d+(\.\d+)+", _said(path, "--version"))
    return found[0] if found else None


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
