"""What `make bench` measures, each as a function that measures once; `cli.bench` repeats them.

Nothing is asserted: a machine that is busy with something else is slower, and that is no defect.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bakehouse_lab.podman import Podman

PATIENCE_SECONDS = 180
LOOK_SECONDS = 0.1
CALLS = 40  # of each kind, for each side, in one measurement of the API
MIB = 1024


class Unmeasured(RuntimeError):
    """Something did not come to the end that was to be timed."""


@dataclass(slots=True)
class Measure:
    """One line of the result. `aim` is what a quiet machine with two cores should stay below."""

    name: str
    unit: str
    aim: float
    values: list[float] = field(default_factory=list)


def table(measures: Sequence[Measure]) -> str:
    """The measures that have values, as lines for a person.

    >>> print(table([Measure("Bake", "s", 120, [61.0, 60.0, 70.26])]))
    what                                      runs      min   median      max     aim
    Bake, s                                      3     60.0     61.0     70.3   < 120
    """
    head = f"{'what':40}{'runs':>6}{'min':>9}{'median':>9}{'max':>9}{'aim':>8}"
    rows = [_row(each) for each in measures if each.values]
    return "\n".join([head, *rows])


def _row(each: Measure) -> str:
    low, middle, high = min(each.values), statistics.median(each.values), max(each.values)
    label, aim = f"{each.name}, {each.unit}", f"< {each.aim:g}"
    return f"{label:40}{len(each.values):6}{low:9.1f}{middle:9.1f}{high:9.1f}{aim:>8}"


def described(client: Callable[[str], Any], group: str) -> dict[str, Any]:
    """The group as AWS has it now. Raises Unmeasured when there is none."""
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    for record in found["AutoScalingGroups"]:
        return dict(record)
    raise Unmeasured(f"there is no group {group}; launch it: make demo")


def boot(client: Callable[[str], Any], group: str) -> float:
    """Seconds from RunInstances to healthy in the target group, for one more host of `group`.

    The host is taken out and terminated again, whether it became healthy or not.
    """
    ec2, elb = client("ec2"), client("elbv2")
    target = elb.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
    record = described(client, group)
    template = record["LaunchTemplate"]
    start = time.monotonic()
    launched = ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        SubnetId=record["VPCZoneIdentifier"].split(",")[0],
        LaunchTemplate={
            "LaunchTemplateName": template["LaunchTemplateName"],
            "Version": template["Version"],
        },
    )
    targets = [{"Id": launched["Instances"][0]["InstanceId"]}]
    try:
        until(lambda: _state(ec2, targets[0]["Id"]) == "running", "running")
        elb.register_targets(TargetGroupArn=target, Targets=targets)
        until(lambda: _health(elb, target, targets) == "healthy", "healthy")
        return time.monotonic() - start
    finally:
        elb.deregister_targets(TargetGroupArn=target, Targets=targets)
        ec2.terminate_instances(InstanceIds=[targets[0]["Id"]])


def command(*words: str, root: Path) -> tuple[float, str]:
    """Seconds that a command took, and what it printed. Raises Unmeasured when it fails."""
    start = time.monotonic()
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr)[-1500:]
        raise Unmeasured(f"{' '.join(words)} ended with status {done.returncode}:\n{said}")
    return time.monotonic() - start, done.stdout


def overhead(lab: Sequence[Callable[[], Any]], bare: Sequence[Callable[[], Any]]) -> float:
    """How many times as long as bare moto the lab takes for the same calls, made in turns."""
    times = [0.0, 0.0]
    for _ in range(CALLS):
        for pair in zip(lab, bare, strict=True):
            for side, call in enumerate(pair):
                start = time.perf_counter()
                call()
                times[side] += time.perf_counter() - start
    return times[0] / times[1]


@contextmanager
def bare_moto(port: int) -> Iterator[str]:
    """moto's own server, as shipped, for as long as the block lasts; its endpoint."""
    program = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [program, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _listens(port), "listening")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def memory_mib(podman: Podman, host: str) -> float:
    """Proportional memory of all processes of the instance `host`, MiB.

    Pages that hosts share (one image, one copy of PHP) are divided among them, so the sum over
    hosts is what the machine really gave.
    """
    seen = [each for each in podman.list() if each.id == host and each.running]
    if not seen:
        raise Unmeasured(f"no container runs for {host}")
    namespace = Path(f"/proc/{seen[0].pid}/ns/pid").readlink()
    return sum(_pss_kib(pid) for pid in _processes(namespace)) / MIB


def _processes(namespace: Path) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "ns" / "pid").readlink() == namespace:
                yield int(folder.name)
        except OSError:
            continue  # it ended while we looked


def _pss_kib(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
    return int(found[1]) if found else 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(question: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a yes. Raises Unmeasured when it does not come within so many seconds."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise Unmeasured(f"it was not {what} after {seconds:g} s")
        time.sleep(LOOK_SECONDS)


def _state(ec2: Any, id: str) -> str:
    reservations = ec2.describe_instances(InstanceIds=[id])["Reservations"]
    return str(reservations[0]["Instances"][0]["State"]["Name"])


def _health(elb: Any, target_group: str, targets: list[dict[str, str]]) -> str:
    said = elb.describe_target_health(TargetGroupArn=target_group, Targets=targets)
    return str(said["TargetHealthDescriptions"][0]["TargetHealth"]["State"])
