"""Which metrics one Auto Scaling group pays for, as the agent would make them of a configuration.

CloudWatch charges by the month for each name with its own set of dimensions. The agent adds the
group's figure to each metric that has more dimensions than that, so most cost twice unless
`drop_original_metrics` names them (plugins/outputs/cloudwatch, ProcessRollup).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.cloudwatch.checks import Json

Dimensions = tuple[tuple[str, str], ...]  # names and values, sorted; "*" where the host decides

# What tells a collector's objects apart, beside what is appended everywhere.
OWN: Mapping[str, tuple[str, ...]] = {
    "cpu": ("cpu",),
    "disk": ("device", "fstype", "path"),
    "diskio": ("name",),
    "net": ("interface",),
}


def series(configuration: Json) -> set[tuple[str, Dimensions]]:
    """Each metric's name with its dimensions; what comes by StatsD is counted where it is named.

    A configuration without faults is taken for granted.

    >>> mem = {"measurement": ["used_percent"]}
    >>> series({"metrics": {"metrics_collected": {"mem": mem}}, "agent": {"omit_hostname": True}})
    {('mem_used_percent', ())}
    """
    metrics = configuration.get("metrics", {})
    appended = dict.fromkeys(metrics.get("append_dimensions", {}), "*")
    if not appended and not configuration.get("agent", {}).get("omit_hostname"):
        appended = {"host": "*"}
    groups = metrics.get("aggregation_dimensions", [])
    dropped = {
        _full(collector, name)
        for collector, section in _sections(metrics)
        for name in section.get("drop_original_metrics", [])
    }
    found = set()
    for name, own in _measured(metrics):
        original = appended | own
        for place, dimensions in enumerate(_rolled_up(original, groups)):
            if place or name not in dropped:
                found.add((name, tuple(sorted(dimensions.items()))))
    return found


def _rolled_up(original: dict[str, str], groups: Json) -> Iterator[dict[str, str]]:
    """The metric itself, and then it again with each smaller set of its dimensions."""
    yield original
    for group in groups:
        if len(group) < len(original) and set(group) <= set(original):
            yield {name: original[name] for name in group}


def _sections(metrics: Json) -> Iterator[tuple[str, Json]]:
    for collector, section in metrics.get("metrics_collected", {}).items():
        for each in section if isinstance(section, list) else [section]:
            yield collector, each


def _measured(metrics: Json) -> Iterator[tuple[str, dict[str, str]]]:
    for collector, section in _sections(metrics):
        if collector == "statsd":
            for name in section.get("drop_original_metrics", []):
                yield name, {"metric_type": "*"}
        else:
            for one in section.get("measurement", []):
                own = section.get("append_dimensions", {})
                for objects in _objects(collector, section, one):
                    yield _shown(collector, one), own | objects


def _objects(collector: str, section: Json, measurement: Json) -> Iterator[dict[str, str]]:
    """The dimensions of each object that is measured: a disk, a group of processes."""
    if collector == "procstat":
        by = next(key for key in ("exe", "pattern", "pid_file") if key in section)
        own = "pid_finder" if _name(measurement).endswith("pid_count") else "process_name"
        yield {by: section[by], own: "*"}
    elif collector in OWN:
        names = set(OWN[collector]) - ({"device"} if section.get("drop_device") else set())
        key = "path" if collector == "disk" else OWN[collector][0]
        for resource in section.get("resources", ["*"]):
            yield dict.fromkeys(names, "*") | {key: resource}
    else:
        yield {}


def _name(measurement: Json) -> str:
    return str(measurement["name"] if isinstance(measurement, dict) else measurement)


def _shown(collector: str, measurement: Json) -> str:
    """The name that CloudWatch shows."""
    renamed = measurement.get("rename") if isinstance(measurement, dict) else None
    return str(renamed or _full(collector, _name(measurement)))


def _full(collector: str, name: str) -> str:
    """A measurement with its collector's name before it.

    >>> _full("mem", "used"), _full("mem", "mem_used"), _full("procstat", "pid_count")
    ('mem_used', 'mem_used', 'procstat_lookup_pid_count')
    """
    if collector == "statsd" or name.startswith(f"{collector}_"):
        return name
    prefix = "procstat_lookup" if (collector, name) == ("procstat", "pid_count") else collector
    return f"{prefix}_{name}"
