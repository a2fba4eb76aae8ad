"""What went through a load balancer, as CloudWatch hears of it. Pure.

Each reload of haproxy starts another worker, which counts from nought. Of two looks at the
counters of its workers (`read`) `between` makes what happened in between, and `metrics` words it
as an ALB does: names, dimensions and units are those of the user guide's "CloudWatch metrics for
your Application Load Balancer". An ALB tells every 60 s; whoever calls this decides how often.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NAMESPACE = "AWS/ApplicationELB"
CLASSES = ("2xx", "3xx", "4xx", "5xx")

# How haproxy calls the line of a backend as a whole.
WHOLE = "BACKEND"

# What haproxy is asked: which of its workers answers, and what that has counted of its backends.
QUESTION = "show info;show stat -1 6 -1"

Counters = dict[tuple[str, str, str], "Row"]  # by worker, backend, and server or WHOLE


@dataclass(frozen=True, slots=True)
class Row:
    """One line of haproxy's counters: a server's, or a backend's with its own answers."""

    requests: int
    answers: tuple[int, ...]  # by CLASSES
    latency: float  # seconds, mean of the last 512 answers


@dataclass(frozen=True, slots=True)
class Passed:
    """What a target group answered in some time."""

    requests: int = 0  # for which a target could be chosen
    answers: tuple[int, ...] = (0, 0, 0, 0)  # of targets, by CLASSES
    own_errors: int = 0  # answers 5xx of the balancer itself
    seconds: float = 0.0  # of all requests together

    def __add__(self, other: Passed) -> Passed:
        """Both together."""
        return Passed(
            self.requests + other.requests,
            tuple(map(sum, zip(self.answers, other.answers, strict=True))),
            self.own_errors + other.own_errors,
            self.seconds + other.seconds,
        )


def read(answers: Iterable[str]) -> Counters:
    """What workers answered to QUESTION: lines of facts, and CSV with a `# ` before its header.

    Of two answers of one worker the later counts.
    """
    found: Counters = {}
    for answer in answers:
        facts, _, table = answer.partition("\n\n")
        worker = " ".join(re.findall("^(?:Pid|Start_time_sec): .*", facts, re.MULTILINE))
        for row in csv.DictReader(table.removeprefix("# ").splitlines()):
            if row.get("rtime") is not None:
                found[worker, row["pxname"], row["svname"]] = _row(row)
    return found


def _row(row: Mapping[str, str]) -> Row:
    return Row(
        _number(row["stot"]),
        tuple(_number(row[f"hrsp_{each}"]) for each in CLASSES),
        _number(row["rtime"]) / 1000,
    )


def _number(text: str) -> int:
    return int(text or 0)


def between(before: Counters, now: Counters) -> dict[str, Passed]:
    """What each backend's servers, and the balancer in their place, answered between two looks."""
    found: dict[str, Passed] = {}
    for key, row in now.items():
        _, backend, server = key
        new = _since(before.get(key), row)
        errors = new.answers[-1]
        if server == WHOLE:  # its answers are the servers' and the balancer's own
            passed = Passed(own_errors=errors)
        else:
            passed = Passed(new.requests, new.answers, -errors, new.requests * row.latency)
        found[backend] = found.get(backend, Passed()) + passed
    return found


def _since(before: Row | None, now: Row) -> Row:
    if before is None:
        return now
    answers = (b - a for a, b in zip(before.answers, now.answers, strict=True))
    return Row(now.requests - before.requests, tuple(answers), now.latency)


def metrics(
    balancer: str,
    passed: Mapping[str, Passed],
    health: Mapping[str, tuple[int, int]],
) -> list[dict[str, Any]]:
    """What CloudWatch is told of a load balancer, as PutMetricData has it.

    `balancer` and the keys are names as in dimensions (`app/NAME/ID`, `targetgroup/NAME/ID`; a key
    may also be the empty name of requests that came to no group); `health` is healthy and unhealthy
    targets. As an ALB it says nothing of what did not happen.
    """
    whole = [{"Name": "LoadBalancer", "Value": balancer}]
    said = list(_traffic(sum(passed.values(), Passed()), whole, own=True))
    for group in filter(None, passed):
        of_group = [{"Name": "TargetGroup", "Value": group}, *whole]
        said += _traffic(passed[group], of_group, own=False)
    for group, (healthy, unhealthy) in health.items():
        of_group = [{"Name": "TargetGroup", "Value": group}, *whole]
        if healthy + unhealthy:
            said.append(_datum("HealthyHostCount", healthy, of_group))
            said.append(_datum("UnHealthyHostCount", unhealthy, of_group))
    return said


def _traffic(passed: Passed, dimensions: Any, *, own: bool) -> Iterator[dict[str, Any]]:
    if passed.requests:
        yield _datum("RequestCount", passed.requests, dimensions)
        mean = passed.seconds / passed.requests
        yield _datum("TargetResponseTime", mean, dimensions, unit="Seconds")
    for name, count in zip(CLASSES, passed.answers, strict=True):
        if count:
            yield _datum(f"HTTPCode_Target_{name.upper()}_Count", count, dimensions)
    if own and passed.own_errors > 0:
        yield _datum("HTTPCode_ELB_5XX_Count", passed.own_errors, dimensions)


def _datum(
    name: str, value: float, dimensions: Iterable[Mapping[str, str]], unit: str = "Count"
) -> dict[str, Any]:
    return {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": list(dimensions)}
