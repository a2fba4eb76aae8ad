"""What a host's collectors would measure: looked at from outside, through /proc."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakehouse_lab.agent_standin.rollup import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = Any
PROC = Path("/proc")
TIME_WAIT, ESTABLISHED = "06", "01"


def samples(pid: int, collected: Json) -> Iterator[Sample]:
    """All that `metrics_collected` asks for of the host whose first process is `pid`."""
    everybody = _processes(pid)
    for collector, section in collected.items():
        look = COLLECTORS.get(collector)
        for each in section if isinstance(section, list) else [section]:
            if look:
                yield from look(pid, each, everybody)


def unknown(collected: Json) -> list[str]:
    """Collectors that are asked for and not stood in for."""
    return sorted(set(collected) - set(COLLECTORS) - {"statsd"})


Processes = dict[int, tuple[str, str]]  # state and command line, by process


def _processes(pid: int) -> Processes:
    """The processes of the host: those in the namespace of its first one."""
    ours = (PROC / f"{pid}/ns/pid").readlink()
    found = {}
    for each in PROC.glob("[1-9]*"):
        try:
            if (each / "ns/pid").readlink() == ours:
                state = (each / "stat").read_text().rpartition(")")[2].split()[0]
                line = (each / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                found[int(each.name)] = state, line.decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
    return found


def _wanted(collector: str, section: Json, figures: Mapping[str, float]) -> Iterator[Sample]:
    for one in section.get("measurement", []):
        named = one["name"] if isinstance(one, dict) else one
        short = named.removeprefix(f"{collector}_")
        if short in figures:
            renamed = one.get("rename") if isinstance(one, dict) else None
            yield Sample(renamed or f"{collector}_{short}", figures[short])


def _mem(pid: int, section: Json, _: Processes) -> Iterator[Sample]:
    """The host's memory: what its control group may use, not the machine's."""
    total, used = _limits(PROC / f"{pid}/root/sys/fs/cgroup")
    figures = {"total": total, "used": used, "available": total - used}
    yield from _wanted(
        "mem", section, figures | {"used_percent": 100 * used / total if total else 0}
    )


def _limits(groups: Path) -> tuple[float, float]:
    """The most that a control group may use and what it uses, bytes; version 2, else 1."""
    machine = _meminfo()["MemTotal"]
    for most, now in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            limit, used = (groups / most).read_text().strip(), (groups / now).read_text()
        except OSError:
            continue
        return min(machine, float(limit) if limit.isdigit() else machine), float(used)
    return machine, machine - _meminfo()["MemAvailable"]


def _meminfo() -> dict[str, float]:
    lines = (PROC / "meminfo").read_text().splitlines()
    return {line.split(":")[0]: float(line.split()[1]) * 1024 for line in lines}


def _swap(_pid: int, section: Json, _: Processes) -> Iterator[Sample]:
    info = _meminfo()
    total, free = info["SwapTotal"], info["SwapFree"]
    percent = 100 * (total - free) / total if total else 0.0
    yield from _wanted(
        "swap", section, {"used_percent": percent, "used": total - free, "free": free}
    )


def _disk(pid: int, section: Json, _: Processes) -> Iterator[Sample]:
    for path in section.get("resources", ["/"]):
        now = os.statvfs(f"{PROC}/{pid}/root{path}")
        used = now.f_blocks - now.f_bfree
        figures = {
            "total": float(now.f_blocks * now.f_frsize),
            "used": float(used * now.f_frsize),
            "free": float(now.f_bavail * now.f_frsize),
            "used_percent": 100 * used / (used + now.f_bavail or 1),
            "inodes_free": float(now.f_ffree),
            "inodes_total": float(now.f_files),
        }
        where = {"path": path, "fstype": "overlay"}
        where |= {} if section.get("drop_device") else {"device": "overlay"}
        for sample in _wanted("disk", section, figures):
            yield Sample(sample.name, sample.value, where)


def _netstat(pid: int, section: Json, _: Processes) -> Iterator[Sample]:
    states = [
        line.split()[3]
        for name in ("tcp", "tcp6")
        for line in (PROC / f"{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    figures = {
        "tcp_time_wait": float(states.count(TIME_WAIT)),
        "tcp_established": float(states.count(ESTABLISHED)),
    }
    yield from _wanted("netstat", section, figures)


def _all(_: int, section: Json, everybody: Processes) -> Iterator[Sample]:
    states = [state for state, _ in everybody.values()]
    figures = {
        "total": len(states),
        "zombies": states.count("Z"),
        "running": states.count("R"),
        "sleeping": states.count("S"),
        "blocked": states.count("D"),
    }
    yield from _wanted("processes", section, figures)


def _some(_: int, section: Json, everybody: Processes) -> Iterator[Sample]:
    """Processes that are named by a pattern; how many there are is all that we stand in for."""
    pattern = section.get("pattern")
    if pattern and "pid_count" in section.get("measurement", []):
        count = sum(bool(re.search(pattern, line)) for _, line in everybody.values())
        own = {"pattern": pattern, "pid_finder": "native"}
        yield Sample("procstat_lookup_pid_count", count, own)


COLLECTORS: Mapping[str, Callable[[int, Json, Processes], Iterator[Sample]]] = {
    "mem": _mem,
    "swap": _swap,
    "disk": _disk,
    "netstat": _netstat,
    "processes": _all,
    "procstat": _some,
}
