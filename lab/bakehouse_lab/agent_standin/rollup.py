"""From samples to what CloudWatch is sent: dimensions, the group's figures beside them. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure, with the dimensions that its collector gives it."""

    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)


def data(
    samples: Iterable[Sample], metrics: Mapping[str, Any], appended: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What PutMetricData is sent for the samples of one interval.

    `appended` is what `append_dimensions` came to on this host.
    """
    found: dict[tuple[str, Dimensions], list[float]] = defaultdict(list)
    groups = metrics.get("aggregation_dimensions", [])
    dropped = set(_dropped(metrics))
    for sample in samples:
        sets = [dict(appended) | dict(sample.dimensions)]
        sets += list(_smaller(sets[0], groups))
        for place, dimensions in enumerate(sets):
            if place or sample.name not in dropped:
                found[sample.name, tuple(sorted(dimensions.items()))].append(sample.value)
    return [_datum(name, dimensions, values) for (name, dimensions), values in found.items()]


def _smaller(whole: Mapping[str, str], groups: Iterable[list[str]]) -> Iterator[dict[str, str]]:
    for group in groups:
        if len(group) < len(whole) and all(name in whole for name in group):
            yield {name: whole[name] for name in group}


def _dropped(metrics: Mapping[str, Any]) -> Iterator[str]:
    for collector, section in metrics.get("metrics_collected", {}).items():
        for name in section.get("drop_original_metrics", []) if isinstance(section, dict) else ():
            own = collector == "statsd" or name.startswith(f"{collector}_")
            yield name if own else f"{collector}_{name}"


def _datum(name: str, dimensions: Dimensions, values: list[float]) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
        "StatisticValues": {
            "SampleCount": len(values),
            "Sum": sum(values),
            "Minimum": min(values),
            "Maximum": max(values),
        },
    }
