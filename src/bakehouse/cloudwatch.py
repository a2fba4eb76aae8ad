"""What is wrong with a CloudWatch agent's configuration, before an agent on a host finds out.

The agent forgives much: it starts with a misspelt measurement, a placeholder it does not know or a
log group that never expires, and says so in a log on the host, if at all. Pure, so that a role, a
test and a person can ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Json = Any  # what json.loads gives

SECTIONS = {"agent", "metrics", "logs", "traces"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the agent measures on Linux, as far as a web host wants it.
MEASUREMENTS: Mapping[str, frozenset[str]] = {
    "cpu": _words(
        "usage_active usage_guest usage_guest_nice usage_idle usage_iowait usage_irq usage_nice"
        " usage_softirq usage_steal usage_system usage_user"
    ),
    "disk": _words("free inodes_free inodes_total inodes_used total used used_percent"),
    "diskio": _words(
        "iops_in_progress io_time reads read_bytes read_time writes write_bytes write_time"
    ),
    "mem": _words(
        "active available available_percent buffered cached free inactive total used used_percent"
    ),
    "net": _words(
        "bytes_sent bytes_recv drop_in drop_out err_in err_out packets_sent packets_recv"
    ),
    "netstat": _words(
        "tcp_close tcp_close_wait tcp_closing tcp_established tcp_fin_wait1 tcp_fin_wait2"
        " tcp_last_ack tcp_listen tcp_none tcp_syn_sent tcp_syn_recv tcp_time_wait udp_socket"
    ),
    "processes": _words(
        "blocked dead idle paging running sleeping stopped total total_threads wait zombies"
    ),
    "procstat": _words(
        "cpu_time cpu_usage memory_rss memory_swap memory_vms num_fds num_threads pid_count"
        " read_bytes read_count write_bytes write_count"
    ),
    "swap": _words("free used used_percent"),
}
UNMEASURED = {"statsd", "collectd"}  # receive, and measure nothing themselves

METRIC_KEYS = {
    "namespace",
    "append_dimensions",
    "aggregation_dimensions",
    "force_flush_interval",
    "metrics_collected",
    "endpoint_override",
    "credentials",
}
DIMENSIONS = {"AutoScalingGroupName", "ImageId", "InstanceId", "InstanceType"}
SELECTORS = {"pid_file", "exe", "pattern"}

FILE_KEYS = {
    "file_path",
    "log_group_name",
    "log_stream_name",
    "log_group_class",
    "timestamp_format",
    "timezone",
    "multi_line_start_pattern",
    "encoding",
    "retention_in_days",
    "filters",
    "auto_removal",
    "blacklist",
    "publish_multi_logs",
}
JOURNAL_KEYS = {
    "log_group_name",
    "log_stream_name",
    "units",
    "priority",
    "matches",
    "retention_in_days",
}
PLACEHOLDERS = {
    "instance_id",
    "hostname",
    "local_hostname",
    "ip_address",
    "aws_region",
    "date",
    "account_id",
}
RETENTION = {
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096),
    *(1827, 2192, 2557, 2922, 3288, 3653),
}
TIMESTAMP = re.compile(r"%(?:-[mdIMSH]|[BbmAadHIMSYypZzf])")
GROUP = re.compile(r"[A-Za-z0-9._/#{}-]{1,512}")

# What Go's regular expressions lack: looking around, and looking back at a group.
UNKNOWN_TO_GO = re.compile(r"\(\?(?:=|!|<=|<!)|\\[1-9]")


def faults(configuration: Json) -> list[str]:
    """Everything that is wrong with a configuration, each as `where: what`; empty when all is well.

    Stricter than the agent: a log group must say when its lines expire (it never forgets
    otherwise, and that is paid for), and a dimension that is aggregated on must exist.

    >>> faults({"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percentage"]}}}})
    ['metrics.metrics_collected.mem: the agent does not measure used_percentage']
    """
    if not isinstance(configuration, dict):
        return ["the configuration is not a JSON object"]
    found = [
        f"{name}: the agent knows no such section, only {', '.join(sorted(SECTIONS))}"
        for name in configuration
        if name not in SECTIONS
    ]
    found += _intervals(configuration, "")
    if "metrics" in configuration:
        found += _metrics(configuration["metrics"])
    if "logs" in configuration:
        found += _logs(configuration["logs"])
    return found


def _intervals(value: Json, where: str) -> Iterator[str]:
    """Intervals anywhere, which must be seconds: whole and above 0."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        path = f"{where}.{name}".lstrip(".")
        is_seconds = isinstance(inner, int) and not isinstance(inner, bool) and inner > 0
        if name.endswith("_interval") and not is_seconds:
            yield f"{path}: {inner!r} is not a number of seconds above 0"
        yield from _intervals(inner, path)


def _metrics(metrics: Json) -> Iterator[str]:
    yield from _unknown_keys(metrics, METRIC_KEYS, "metrics")
    appended = metrics.get("append_dimensions", {})
    yield from (
        f"metrics.append_dimensions: {name} is none of {', '.join(sorted(DIMENSIONS))}"
        for name in appended
        if name not in DIMENSIONS
    )
    yield from (
        f"metrics.append_dimensions: {name} must be ${{aws:{name}}}"
        for name, value in appended.items()
        if name in DIMENSIONS and value != f"${{aws:{name}}}"
    )
    for group in metrics.get("aggregation_dimensions", []):
        if not isinstance(group, list):
            yield f"metrics.aggregation_dimensions: {group!r} is not a list of dimensions"
        elif missing := set(group) - set(appended):
            yield f"metrics.aggregation_dimensions: {', '.join(sorted(missing))} is not appended"
    collected = metrics.get("metrics_collected")
    if not collected:
        yield "metrics.metrics_collected: nothing is collected"
        return
    for name, section in collected.items():
        yield from _collector(name, section)


def _collector(name: str, section: Json) -> Iterator[str]:
    where = f"metrics.metrics_collected.{name}"
    if name in UNMEASURED:
        return
    if name not in MEASUREMENTS:
        yield f"{where}: the agent knows no such collector"
        return
    for each in section if isinstance(section, list) else [section]:
        if name == "procstat" and not SELECTORS & set(each):
            yield f"{where}: which process? give one of {', '.join(sorted(SELECTORS))}"
        wanted = [m["name"] if isinstance(m, dict) else m for m in each.get("measurement", [])]
        if not wanted:
            yield f"{where}: no measurement"
        yield from (
            f"{where}: the agent does not measure {one}"
            for one in wanted
            if one.removeprefix(f"{name}_") not in MEASUREMENTS[name]
        )


def _logs(logs: Json) -> Iterator[str]:
    collected = logs.get("logs_collected", {})
    if not collected:
        yield "logs.logs_collected: nothing is collected"
    for kind, keys in (("files", FILE_KEYS), ("journald", JOURNAL_KEYS)):
        entries = collected.get(kind, {}).get("collect_list", [])
        if kind in collected and not entries:
            yield f"logs.logs_collected.{kind}: nothing is collected"
        seen: list[Json] = []
        for number, entry in enumerate(entries):
            where = f"logs.logs_collected.{kind}.collect_list[{number}]"
            if entry in seen:
                yield f"{where}: the same again"
            seen.append(entry)
            yield from _unknown_keys(entry, keys, where)
            yield from _destination(entry, where)
            yield from _file(entry, where) if kind == "files" else _journal(entry, where)


def _destination(entry: Json, where: str) -> Iterator[str]:
    group = entry.get("log_group_name", "")
    if not GROUP.fullmatch(group):
        yield f"{where}.log_group_name: {group!r} is no name for a log group"
    days = entry.get("retention_in_days")
    if isinstance(days, bool) or days not in RETENTION:
        yield f"{where}.retention_in_days: {days!r} is none of the spans CloudWatch keeps logs for"
    for key in ("log_group_name", "log_stream_name"):
        for name in re.findall(r"{([^}]*)}", entry.get(key, "")):
            if name not in PLACEHOLDERS:
                yield f"{where}.{key}: the agent fills in no {{{name}}}"


def _file(entry: Json, where: str) -> Iterator[str]:
    if not entry.get("file_path"):
        yield f"{where}.file_path: which file?"
    stamp = entry.get("timestamp_format", "")
    if "%" in TIMESTAMP.sub("", stamp) or (stamp and "%" not in stamp):
        yield f"{where}.timestamp_format: {stamp!r} holds what the agent cannot read"
    if entry.get("timezone", "UTC") not in ("UTC", "Local"):
        yield f"{where}.timezone: {entry['timezone']!r} is neither UTC nor Local"
    filters = entry.get("filters", [])
    for each in filters:
        if each.get("type") not in ("include", "exclude"):
            yield f"{where}.filters: {each.get('type')!r} is neither include nor exclude"
    patterns = [each.get("expression", "") for each in filters]
    start = entry.get("multi_line_start_pattern", "")
    yield from _patterns([*patterns, "" if start == "{timestamp_format}" else start], where)


def _journal(entry: Json, where: str) -> Iterator[str]:
    units = entry.get("units", [])
    if not isinstance(units, list) or not all(isinstance(unit, str) for unit in units):
        yield f"{where}.units: {units!r} is not a list of names"


def _patterns(patterns: Iterable[str], where: str) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{where}: {pattern!r} is no regular expression: {error}"
        if UNKNOWN_TO_GO.search(pattern):
            yield f"{where}: {pattern!r} looks around or back, which Go cannot"


def _unknown_keys(value: Json, known: set[str], where: str) -> Iterator[str]:
    yield from (f"{where}: {name} means nothing here" for name in value if name not in known)
