"""What is wrong with the part of a configuration that measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.cloudwatch.checks import (
    Check,
    fields,
    flag,
    list_of,
    number,
    one_of,
    seconds,
    seconds_or_none,
    table,
    text,
)
from bakehouse.cloudwatch.vocabulary import DIMENSIONS, MEASUREMENTS, SELECTORS, UNLISTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.cloudwatch.checks import Json

COLLECTED = "metrics.metrics_collected"


def dimension_sets(value: Json) -> str | None:
    """A list of lists of dimensions; the empty list in it stands for all hosts together."""
    if not isinstance(value, list) or not value:
        return f"{value!r} is not a list of lists of dimensions"
    for group in value:
        if not isinstance(group, list):
            return f"{group!r} is not a list of dimensions"
        if complaint := list_of(text)(group) if group else None:
            return complaint
    return None


KEYS: Mapping[str, Check] = {
    "namespace": text,
    "append_dimensions": table,
    "aggregation_dimensions": dimension_sets,
    "force_flush_interval": seconds,
    "metrics_collected": table,
    "metrics_destinations": table,
    "endpoint_override": text,
    "credentials": table,
    "service.name": text,
    "deployment.environment": text,
}
RECEIVER = {  # measures nothing itself
    "service_address": text,
    "metrics_collection_interval": seconds,
    "metrics_aggregation_interval": seconds_or_none,
    "metric_separator": text,
    "allowed_pending_messages": number(1, 2**31 - 1, "a number of messages above 0"),
    "drop_original_metrics": list_of(text),
    "service.name": text,
    "deployment.environment": text,
}
EVERY: dict[str, Check] = {
    "measurement": list_of(lambda value: text(_name(value))),
    "metrics_collection_interval": seconds,
    "append_dimensions": table,
    "drop_original_metrics": list_of(text),
}
RESOURCES: dict[str, Check] = {"resources": list_of(text)}
OWN: dict[str, dict[str, Check]] = {
    "cpu": RESOURCES | {"totalcpu": flag},
    "disk": RESOURCES | {"ignore_file_system_types": list_of(text), "drop_device": flag},
    "diskio": RESOURCES,
    "net": RESOURCES,
    "procstat": {"pid_finder": one_of("native", "pgrep"), **dict.fromkeys(SELECTORS, text)},
}


def faults(metrics: Json) -> Iterator[str]:
    """What is wrong with `metrics`, a table."""
    yield from fields(metrics, KEYS, "metrics")
    collected = metrics.get("metrics_collected")
    if not collected:
        yield f"{COLLECTED}: nothing is collected"
    if isinstance(collected, dict):
        yield from _dimensions(metrics, collected)
        for name, section in collected.items():
            yield from _collector(name, section)


def _dimensions(metrics: Json, collected: Json) -> Iterator[str]:
    appended = metrics.get("append_dimensions", {})
    for name, value in appended.items() if isinstance(appended, dict) else ():
        if complaint := one_of(*DIMENSIONS)(name):
            yield f"metrics.append_dimensions: {complaint}"
        elif value != f"${{aws:{name}}}":
            yield f"metrics.append_dimensions.{name}: {value!r} must be ${{aws:{name}}}"
    groups = metrics.get("aggregation_dimensions", [])
    known = set(appended) | _own_dimensions(collected)
    for group in groups if dimension_sets(groups) is None else ():
        if missing := sorted(set(group) - known):
            yield f"metrics.aggregation_dimensions: no metric has {', '.join(missing)}"


def _own_dimensions(collected: Json) -> set[str]:
    """The dimensions that collectors add: to tell objects apart, or because they are told to."""
    found = {"cpu", "path", "fstype", "device", "name", "interface", "metric_type", "process_name"}
    found |= {"exe", "pattern", "pidfile", "pid_finder", "host"}
    for section in collected.values():
        for each in section if isinstance(section, list) else [section]:
            if isinstance(each, dict) and isinstance(each.get("append_dimensions"), dict):
                found |= set(each["append_dimensions"])
    return found


def _collector(name: str, section: Json) -> Iterator[str]:
    where = f"{COLLECTED}.{name}"
    if name == "statsd":
        yield from fields(section, RECEIVER, where)
    elif name in MEASUREMENTS:
        for each in section if name == "procstat" and isinstance(section, list) else [section]:
            yield from _measured(name, each, where)
    elif name not in UNLISTED:
        yield f"{where}: the agent knows no such collector"


def _measured(name: str, section: Json, where: str) -> Iterator[str]:
    yield from fields(section, EVERY | OWN.get(name, {}), where)
    if not isinstance(section, dict):
        return
    if name == "procstat" and not set(SELECTORS) & set(section):
        yield f"{where}: which process? give one of {', '.join(SELECTORS)}"
    wanted = section.get("measurement")
    if not wanted:
        yield f"{where}.measurement: nothing is measured"
    for one in map(_name, wanted) if isinstance(wanted, list) else ():
        if isinstance(one, str) and one.removeprefix(f"{name}_") not in MEASUREMENTS[name]:
            yield f"{where}.measurement: the agent does not measure {one}"


def _name(measurement: Json) -> Json:
    """The name in a measurement, which may be decorated with a unit and a name of one's own."""
    return measurement.get("name") if isinstance(measurement, dict) else measurement
