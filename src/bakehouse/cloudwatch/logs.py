"""What is wrong with the part of a configuration that ships lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bakehouse.cloudwatch.checks import (
    Check,
    fields,
    flag,
    list_of,
    number,
    one_of,
    pattern,
    seconds,
    table,
    text,
)
from bakehouse.cloudwatch.vocabulary import (
    LOG_GROUP,
    LOG_STREAM,
    PLACEHOLDERS,
    PRIORITIES,
    RETENTION,
    TIMESTAMP_CODE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.cloudwatch.checks import Json

COLLECTED = "logs.logs_collected"
PLACEHOLDER = re.compile(r"{([^}]*)}")


def _named(shape: re.Pattern[str], what: str) -> Check:
    """A name in which the agent fills in its placeholders."""

    def check(value: Json) -> str | None:
        if complaint := text(value):
            return complaint
        for name in PLACEHOLDER.findall(value):
            if name not in PLACEHOLDERS:
                return f"the agent fills in no {{{name}}}, only {', '.join(PLACEHOLDERS)}"
        named = shape.fullmatch(PLACEHOLDER.sub("x", value))
        return None if named else f"{value!r} is no name for a {what}"

    return check


def timestamp(value: Json) -> str | None:
    """Codes that the agent can read a time with."""
    codes = isinstance(value, str) and TIMESTAMP_CODE.search(value)
    if not codes or "%" in TIMESTAMP_CODE.sub("", value):
        return f"{value!r} holds what the agent cannot read a time with"
    return None


def start(value: Json) -> str | None:
    """What the first line of an event looks like."""
    if value == "{timestamp_format}":
        return None
    if isinstance(value, str) and (name := re.fullmatch(r"{(\D.*)}", value)):
        return f"the agent fills in no {{{name[1]}}} here, only {{timestamp_format}}"
    return pattern(value)


def filters(value: Json) -> str | None:
    """Which events are shipped, and which are not."""
    for each in value if isinstance(value, list) else [value]:
        for complaint in fields(each, FILTER, "a filter"):
            return complaint
        if missing := set(FILTER) - set(each):
            return f"a filter has no {', '.join(sorted(missing))}"
    return None


FILTER: Mapping[str, Check] = {"type": one_of("include", "exclude"), "expression": pattern}
DESTINATION: dict[str, Check] = {
    "log_group_name": _named(LOG_GROUP, "log group"),
    "log_stream_name": _named(LOG_STREAM, "log stream"),
    "log_group_class": one_of("STANDARD", "INFREQUENT_ACCESS"),
    "retention_in_days": one_of(*RETENTION),
    "filters": filters,
}
FILE = DESTINATION | {
    "file_path": text,
    "timestamp_format": timestamp,
    "timezone": one_of("UTC", "Local", "LOCAL"),
    "trim_timestamp": flag,
    "multi_line_start_pattern": start,
    "encoding": text,
    "auto_removal": flag,
    "backpressure_mode": one_of("fd_release"),
    "blacklist": pattern,
    "publish_multi_logs": flag,
    "service.name": text,
    "deployment.environment": text,
}
JOURNAL = DESTINATION | {
    "units": list_of(text),
    "priority": one_of(*PRIORITIES),
    "matches": list_of(table),
}
KEYS = {
    "logs_collected": table,
    "metrics_collected": table,
    "log_stream_name": DESTINATION["log_stream_name"],
    "force_flush_interval": seconds,
    "concurrency": number(1, 1000, "a number above 0"),
    "credentials": table,
    "endpoint_override": text,
    "service.name": text,
    "deployment.environment": text,
}
KINDS = ("files", "journald")
OTHERS = ("application_signals", "windows_events")


def faults(logs: Json) -> Iterator[str]:
    """What is wrong with `logs`, a table."""
    yield from fields(logs, KEYS, "logs")
    collected = logs.get("logs_collected")
    if not collected and not logs.get("metrics_collected"):
        yield f"{COLLECTED}: nothing is collected"
    if isinstance(collected, dict):
        yield from fields(collected, dict.fromkeys((*KINDS, *OTHERS), table), COLLECTED)
        for kind in KINDS:
            if isinstance(collected.get(kind), dict):
                yield from _collected(kind, collected[kind])


def _collected(kind: str, section: Json) -> Iterator[str]:
    where = f"{COLLECTED}.{kind}"
    yield from fields(section, {"collect_list": list_of(table)}, where)
    entries = section.get("collect_list", [])
    if not entries:
        yield f"{where}.collect_list: nothing is collected"
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield from _entry(kind, entry, f"{where}.collect_list[{place}]")


def _entry(kind: str, entry: Json, where: str) -> Iterator[str]:
    yield from fields(entry, FILE if kind == "files" else JOURNAL, where)
    if kind == "files" and "file_path" not in entry:
        yield f"{where}.file_path: which file?"
    if "log_group_name" not in entry and not entry.get("publish_multi_logs"):
        yield f"{where}.log_group_name: to which log group?"
    if "retention_in_days" not in entry:
        yield f"{where}.retention_in_days: missing, and CloudWatch would keep the lines for ever"
    if entry.get("multi_line_start_pattern") == "{timestamp_format}" and (
        "timestamp_format" not in entry
    ):
        yield f"{where}.multi_line_start_pattern: there is no timestamp_format to begin with"
