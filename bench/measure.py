#!/usr/bin/python3
"""Runs on the host: asks each side's web server for each route, in turns, and counts.

All sides are up all the time and share the machine, the database and Redis; who is asked changes
every few seconds, so that a slow minute is slow for all. The load comes from wrk on the same host
(loopback only), so figures are comparable with each other and with nothing else.

    measure.py plan.json measured.json
"""

from __future__ import annotations

import http.client
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
WRK = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--latency"]
MICROSECONDS = {"us": 1.0, "ms": 1_000.0, "s": 1_000_000.0}
TICKS = 100  # of /proc/*/stat in a second


@dataclass(frozen=True)
class Side:
    """One variant: where it answers, and the units whose processes do the work."""

    name: str
    port: int
    fpm: str
    nginx: str
    routes: dict[str, str]


def main(argv: list[str]) -> int:
    """Measure what the plan asks for; writes it as one JSON object, and tells of each load."""
    plan = json.loads(Path(argv[0]).read_text())
    sides = [Side(**each) for each in plan["sides"]]
    dice = random.Random(plan["seed"])
    loads: list[dict[str, Any]] = []
    for turn in range(plan["rounds"]):
        for side in dice.sample(sides, len(sides)):
            for route, path in side.routes.items():
                load = measure(side, path, plan["seconds"])
                loads.append({"round": turn, "side": side.name, "route": route, **load})
                print(turn, side.name, route, round(load["requests_per_second"]), flush=True)
    memory = {side.name: worker_memory_mib(side) for side in sides}
    starts = [start(side) for _ in range(plan["restarts"]) for side in sides]
    told = {"loads": loads, "worker_memory_mib": memory, "starts": starts}
    Path(argv[1]).write_text(json.dumps(told | {"variants": plan["variants"]}, indent=1))
    return 0


def measure(side: Side, path: str, seconds: float) -> dict[str, float]:
    """One run of wrk against one route: requests/s, latency in ms, processor time in ms/request."""
    cookie = visit(side.port, path)
    before = processor_seconds(side)
    url = f"http://127.0.0.1:{side.port}{path}"
    words = [*WRK, "--duration", f"{seconds}s", "--header", f"Cookie: {cookie}", url]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    spent = processor_seconds(side) - before
    requests = int(found(r"(\d+) requests in", said))
    return {
        "requests_per_second": float(found(r"Requests/sec:\s+([\d.]+)", said)),
        "p50_ms": latency_ms("50%", said),
        "p99_ms": latency_ms("99%", said),
        "processor_ms": 1000 * spent / max(1, requests),
        "failed": float(optional(r"Non-2xx or 3xx responses: (\d+)", said)),
    }


def found(pattern: str, text: str) -> str:
    """The first group of `pattern`. Raises ValueError with what wrk said."""
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk did not say {pattern}:\n{text}")
    return match[1]


def optional(pattern: str, text: str) -> str:
    """The first group of `pattern`, or 0: wrk is silent about what did not happen."""
    match = re.search(pattern, text)
    return match[1] if match else "0"


def latency_ms(percentile: str, text: str) -> float:
    """One line of wrk's latency distribution, in milliseconds."""
    match = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)\b", text)
    if match is None:
        raise ValueError(f"wrk did not say {percentile}:\n{text}")
    return float(match[1]) * MICROSECONDS[match[2]] / 1000


def visit(port: int, path: str) -> str:
    """Ask once, as a browser would; the cookies that came back. Raises OSError at any but 200."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.request("GET", path)
    answer = asked.getresponse()
    answer.read()
    if answer.status != 200:
        raise OSError(f"port {port} answered {answer.status} to {path}")
    cookies = answer.msg.get_all("Set-Cookie") or []
    return "; ".join(cookie.split(";")[0] for cookie in cookies)


def processes(unit: str) -> list[int]:
    """The unit's processes: its main one and all below it."""
    show = ["systemctl", "show", "--property=MainPID", "--value", unit]
    main_pid = int(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while we looked
    return [pid for pid, parent in parents.items() if main_pid in (pid, parent)]


def processor_seconds(side: Side) -> float:
    """Processor time that nginx and PHP-FPM of this side have used, workers that ended included."""
    return sum(_spent(pid) for unit in (side.fpm, side.nginx) for pid in processes(unit))


def _spent(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS


def worker_memory_mib(side: Side) -> float:
    """Proportional memory of a worker, MiB: what PHP-FPM takes in all, by its workers."""
    pids = processes(side.fpm)
    total = sum(
        int(found(r"Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())) for pid in pids
    )
    return total / 1024 / max(1, len(pids) - 1)


def start(side: Side) -> dict[str, Any]:
    """Restart PHP-FPM: milliseconds until systemd calls it started, and of the first page then."""
    began = time.monotonic()
    subprocess.run(["systemctl", "restart", side.fpm], check=True)
    ready = time.monotonic()
    visit(side.port, next(iter(side.routes.values())))
    first = time.monotonic()
    return {
        "side": side.name,
        "start_ms": 1000 * (ready - began),
        "first_ms": 1000 * (first - ready),
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
