"""Which faults of a CloudWatch agent's configuration are found, and what is left in peace."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bakehouse.cloudwatch import faults

GOOD: dict[str, Any] = {
    "agent": {"metrics_collection_interval": 60, "omit_hostname": True},
    "metrics": {
        "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
        "aggregation_dimensions": [["AutoScalingGroupName"]],
        "metrics_collected": {
            "mem": {"measurement": ["mem_used_percent", {"name": "available"}]},
            "procstat": [{"pattern": "nginx", "measurement": ["pid_count"]}],
            "statsd": {"service_address": "127.0.0.1:8125", "metrics_aggregation_interval": 60},
        },
    },
    "logs": {
        "logs_collected": {
            "files": {
                "collect_list": [
                    {
                        "file_path": "/var/log/app.log",
                        "log_group_name": "/app/{instance_id}",
                        "timestamp_format": "[%Y-%m-%d %H:%M:%S]",
                        "multi_line_start_pattern": "{timestamp_format}",
                        "timezone": "UTC",
                        "retention_in_days": 30,
                        "filters": [{"type": "exclude", "expression": "health"}],
                    }
                ]
            },
            "journald": {
                "collect_list": [
                    {"log_group_name": "/app/journal", "units": ["a"], "retention_in_days": 7}
                ]
            },
        }
    },
}

FILE = "logs.logs_collected.files.collect_list.0"
METRICS = "metrics.metrics_collected"
JOURNAL = "logs.logs_collected.journald.collect_list.0"
GONE = object()


def broken(path: str, value: object) -> dict[str, Any]:
    """The good configuration with one value changed, added, or gone."""
    result = copy.deepcopy(GOOD)
    *above, last = path.split(".")
    place: Any = result
    for name in above:
        place = place[int(name)] if name.isdigit() else place[name]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return result


def test_a_good_configuration_has_no_faults() -> None:
    assert faults(GOOD) == []


# What the agent's own schema (draft 4, version 1.300071) finds too.
FOUND_BY_THE_SCHEMA = [
    ("no file", f"{FILE}.file_path", GONE, "which file?"),
    ("misspelt key of a file", f"{FILE}.file_pat", "/x", "perhaps file_path"),
    ("retention that CloudWatch lacks", f"{FILE}.retention_in_days", 45, "is none of"),
    ("retention in words", f"{FILE}.retention_in_days", "30", "is none of"),
    ("unknown time zone", f"{FILE}.timezone", "CET", "is none of UTC"),
    ("interval of nothing", "agent.metrics_collection_interval", 0, "number of seconds"),
    ("interval in words", "agent.metrics_collection_interval", "60", "number of seconds"),
    ("whose processes", f"{METRICS}.procstat.0.pattern", GONE, "which process?"),
    ("dimensions in one list", "metrics.aggregation_dimensions", ["InstanceId"], "not a list"),
    ("the same file twice", "logs.logs_collected.files.collect_list", [{}, {}], "twice"),
    ("unknown filter", f"{FILE}.filters.0.type", "drop", "none of include, exclude"),
    ("a port where StatsD wants an address", f"{METRICS}.statsd.service_address", 8125, "a text"),
    ("metrics without any", METRICS, {}, "nothing is collected"),
    ("one unit, not a list", f"{JOURNAL}.units", "ssh", "not a list"),
]

# What it lets through, and the agent forgives or dies of.
MISSED_BY_THE_SCHEMA = [
    ("unknown section", "metric", {}, "a section's name 'metric' is none of"),
    ("unknown collector", f"{METRICS}.memory", {"measurement": ["x"]}, "no such collector"),
    ("memory's bogus measurement", f"{METRICS}.mem.measurement", ["percent"], "does not measure"),
    ("procstat's, too", f"{METRICS}.procstat.0.measurement", ["ram"], "does not measure"),
    ("a pattern that Go lacks", f"{FILE}.filters.0.expression", "a(?=b)", "Go cannot"),
    ("junk in the time's format", f"{FILE}.timestamp_format", "%Q", "cannot read a time"),
    ("characters no log group has", f"{FILE}.log_group_name", "my logs!", "no name for a log"),
    ("unsupported dimension", "metrics.append_dimensions.Host", "${aws:Host}", "is none of"),
    ("misspelt placeholder", f"{FILE}.log_stream_name", "{instanceid}", "fills in no"),
    ("a dimension that no metric has", "metrics.aggregation_dimensions", [["Zone"]], "no metric"),
]

# What costs money or an evening all the same.
AND_MORE = [
    ("no table at all", "metrics", [], "not a table"),
    ("misspelt, and each host is a series", "agent.omit_hostnme", True, "perhaps omit_hostname"),
    ("a switch in words", "agent.omit_hostname", "yes", "neither true nor false"),
    ("kept for ever", f"{FILE}.retention_in_days", GONE, "for ever"),
    ("kept for ever, and said so", f"{FILE}.retention_in_days", -1, "is none of"),
    ("true is no number", f"{FILE}.retention_in_days", True, "is none of"),
    ("no group", f"{FILE}.log_group_name", GONE, "which log group?"),
    ("no name for a stream", f"{FILE}.log_stream_name", "a:b", "no name for a log stream"),
    ("looks back", f"{FILE}.multi_line_start_pattern", r"(a)\1", "Go cannot"),
    ("does not give back", f"{FILE}.multi_line_start_pattern", "a++", "Go cannot"),
    ("no expression", f"{FILE}.multi_line_start_pattern", "[", "no regular expression"),
    (
        "misspelt start",
        f"{FILE}.multi_line_start_pattern",
        "{timestamp}",
        "only {timestamp_format}",
    ),
    ("a start without a format", f"{FILE}.timestamp_format", GONE, "no timestamp_format"),
    ("a format without a code", f"{FILE}.timestamp_format", "YYYY", "cannot read a time"),
    ("a filter without expression", f"{FILE}.filters.0.expression", GONE, "has no expression"),
    ("filters that are none", f"{FILE}.filters", ["x"], "not a table"),
    ("a file that is none", "logs.logs_collected.files.collect_list", ["/x"], "not a table"),
    ("nothing to ship", "logs.logs_collected", {}, "nothing is collected"),
    ("a kind of log that is none", "logs.logs_collected.syslog", {}, "means nothing here"),
    ("priority that is none", f"{JOURNAL}.priority", "loud", "is none of emerg"),
    ("the same unit twice", f"{JOURNAL}.units", ["a", "a"], "'a' is there twice"),
    ("nothing asked of a collector", f"{METRICS}.mem.measurement", [], "nothing is measured"),
    ("no measurement at all", f"{METRICS}.mem.measurement", GONE, "nothing is measured"),
    ("a collector that is none", f"{METRICS}.mem", "all", "not a table"),
    ("misspelt key of a collector", f"{METRICS}.mem.measurements", ["used"], "perhaps measurement"),
    ("misspelt key of the metrics", "metrics.name_space", "x", "perhaps namespace"),
    (
        "a dimension's wrong value",
        "metrics.append_dimensions.AutoScalingGroupName",
        "${aws:InstanceId}",
        "must be ${aws:AutoScalingGroupName}",
    ),
]


def named(rows: list[tuple[str, str, object, str]]) -> list[Any]:
    return [pytest.param(*row[1:], id=row[0].replace(" ", "-")) for row in rows]


@pytest.mark.parametrize(
    ("path", "value", "said"), named(FOUND_BY_THE_SCHEMA + MISSED_BY_THE_SCHEMA + AND_MORE)
)
def test_a_fault_is_named_with_its_place(path: str, value: object, said: str) -> None:
    found = faults(broken(path, value))
    section = path.split(".")[0]
    assert any(said in fault and fault.startswith(section) for fault in found), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("logs.force_flush_interval", 5),
        ("metrics.aggregation_dimensions", [["AutoScalingGroupName", "pattern"], []]),
        (
            f"{METRICS}.disk",
            {"resources": ["/"], "measurement": ["disk_free"], "drop_device": True},
        ),
        (f"{METRICS}.mem.drop_original_metrics", ["mem_used"]),
        (f"{METRICS}.mem.append_dimensions", {"Team": "shop"}),
        (f"{METRICS}.statsd.metrics_aggregation_interval", 0),
        (f"{METRICS}.collectd", {"service_address": "udp://127.0.0.1:25826"}),
        (f"{FILE}.multi_line_start_pattern", r"^\[\d{2}-[A-Z][a-z]{2}-\d{4}"),
        (f"{FILE}.multi_line_start_pattern", r"(?i)^\pL[[:digit:]]+?\z"),
        (f"{FILE}.timestamp_format", "%-d %b %Y %H:%M:%S.%f %z"),
        (f"{FILE}.log_stream_name", "{instance_id}/{hostname}"),
        (f"{FILE}.backpressure_mode", "fd_release"),
        (f"{JOURNAL}.matches", [{"_SYSTEMD_UNIT": "ssh.service"}]),
        (f"{JOURNAL}.filters", [{"type": "include", "expression": ".*ERROR.*"}]),
        ("traces", {"traces_collected": {"xray": {}}}),
        ("agent.region", "eu-central-1"),
    ],
)
def test_what_the_agent_understands_is_left_in_peace(path: str, value: object) -> None:
    assert faults(broken(path, value)) == []


def test_values_of_ansible_s_own_types_are_what_they_were_made_from() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    def tagged(value: Any) -> Any:
        if isinstance(value, dict):
            return {Text(name): tagged(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [tagged(inner) for inner in value]
        kinds = {str: Text, int: Number}
        return kinds.get(type(value), lambda same: same)(value)

    assert faults(tagged(GOOD)) == []


def test_several_faults_are_all_named_at_once() -> None:
    worse = broken(f"{FILE}.file_path", GONE)
    worse["agent"]["metrics_collection_interval"] = 0
    assert len(faults(worse)) == 2


def test_what_is_no_configuration_at_all_is_said_to_be_none() -> None:
    assert faults([]) == ["the configuration is [], wanted a table of sections"]
