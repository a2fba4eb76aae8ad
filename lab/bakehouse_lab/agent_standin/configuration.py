"""What the agent's configuration asks for. Faults in it are found by others, before."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse_lab.agent_standin import events

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = Any

# Where the agent reads it on a host.
PLACE = "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"

ANY_START = r"^[\S]"  # without a pattern of its own, an event begins where no space does


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go, with placeholders filled in; `days` is None for "never expires"."""

    group: str
    stream: str
    days: int | None


@dataclass(frozen=True, slots=True)
class File:
    """A file, or a pattern of which the newest match is read."""

    path: str
    to: Destination
    reading: events.Reading


@dataclass(frozen=True, slots=True)
class Journal:
    """A part of the journal: units, or fields of which one set must match."""

    to: Destination
    units: tuple[str, ...]
    matches: tuple[Mapping[str, str], ...]
    priority: str
    filters: tuple[events.Filter, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """All that one configuration asks for."""

    files: tuple[File, ...]
    journals: tuple[Journal, ...]
    metrics: Json
    flush_seconds: float
    interval_seconds: float
    statsd: tuple[str, int] | None

    @classmethod
    def of(cls, text: str, placeholders: Mapping[str, str]) -> Asked:
        """Read the file's text; `placeholders` is what {instance_id} and its kind stand for."""
        said = json.loads(text)
        logs, metrics = said.get("logs", {}), said.get("metrics", {})
        collected = logs.get("logs_collected", {})
        stream = logs.get("log_stream_name", "{instance_id}")

        def to(entry: Json) -> Destination:
            days = entry.get("retention_in_days", -1)
            return Destination(
                filled(entry["log_group_name"], placeholders),
                filled(entry.get("log_stream_name", stream), placeholders),
                None if days == -1 else days,
            )

        files = collected.get("files", {}).get("collect_list", [])
        journals = collected.get("journald", {}).get("collect_list", [])
        return cls(
            files=tuple(File(each["file_path"], to(each), _reading(each)) for each in files),
            journals=tuple(_journal(each, to(each)) for each in journals),
            metrics=metrics,
            flush_seconds=float(logs.get("force_flush_interval", 5)),
            interval_seconds=float(said.get("agent", {}).get("metrics_collection_interval", 60)),
            statsd=_statsd(metrics),
        )


def filled(name: str, placeholders: Mapping[str, str]) -> str:
    """A name with its placeholders filled in; what is unknown stays as it is, as at the agent's.

    >>> filled("{instance_id}/{nonsense}", {"instance_id": "i-1"})
    'i-1/{nonsense}'
    """
    return re.sub(r"{(\w+)}", lambda found: placeholders.get(found[1], found[0]), name)


def _reading(entry: Json) -> events.Reading:
    stamp = entry.get("timestamp_format")
    start = entry.get("multi_line_start_pattern", ANY_START)
    if start == "{timestamp_format}":
        start = events.timestamp_pattern(stamp)
    return events.Reading(
        start=re.compile(start),
        timestamp_format=stamp,
        filters=_filters(entry),
    )


def _filters(entry: Json) -> tuple[events.Filter, ...]:
    return tuple(
        events.Filter(each["type"] == "include", re.compile(each["expression"]))
        for each in entry.get("filters", [])
    )


def _journal(entry: Json, to: Destination) -> Journal:
    return Journal(
        to=to,
        units=tuple(entry.get("units", [])),
        matches=tuple(entry.get("matches", [])),
        priority=entry.get("priority", "info"),
        filters=_filters(entry),
    )


def _statsd(metrics: Json) -> tuple[str, int] | None:
    section = metrics.get("metrics_collected", {}).get("statsd")
    if section is None:
        return None
    host, _, port = section.get("service_address", ":8125").rpartition(":")
    return host or "0.0.0.0", int(port)
