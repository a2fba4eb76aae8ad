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
            "statsd": {"service_address": "127.0.0.1:8125"},
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


@pytest.mark.parametrize(
    ("why", "path", "value", "said"),
    [
        ("misspelt section", "metric", {}, "knows no such section"),
        ("no file", f"{FILE}.file_path", GONE, "which file?"),
        ("misspelt file key", f"{FILE}.file_pat", "/x", "file_pat means nothing here"),
        ("odd retention", f"{FILE}.retention_in_days", 45, "none of the spans"),
        ("retention in words", f"{FILE}.retention_in_days", "30", "none of the spans"),
        ("kept for ever", f"{FILE}.retention_in_days", GONE, "none of the spans"),
        ("kept for ever, said so", f"{FILE}.retention_in_days", -1, "none of the spans"),
        ("true is no number", f"{FILE}.retention_in_days", True, "none of the spans"),
        ("unknown time zone", f"{FILE}.timezone", "CET", "neither UTC nor Local"),
        ("unknown filter", f"{FILE}.filters", [{"type": "drop"}], "neither include nor exclude"),
        ("Go lacks it", f"{FILE}.filters.0.expression", "a(?=b)", "Go cannot"),
        ("Go lacks it too", f"{FILE}.multi_line_start_pattern", r"(a)\1", "Go cannot"),
        ("no expression", f"{FILE}.multi_line_start_pattern", "[", "no regular expression"),
        ("junk in the time", f"{FILE}.timestamp_format", "%Q", "agent cannot read"),
        ("no time in it", f"{FILE}.timestamp_format", "YYYY", "agent cannot read"),
        ("bad group", f"{FILE}.log_group_name", "my logs!", "no name for a log group"),
        ("misspelt placeholder", f"{FILE}.log_stream_name", "{instanceid}", "fills in no"),
        ("no interval", "agent.metrics_collection_interval", 0, "seconds above 0"),
        ("interval in words", "agent.metrics_collection_interval", "60", "seconds above 0"),
        ("nothing measured", METRICS, {}, "nothing is collected"),
        ("unknown collector", f"{METRICS}.memory", {}, "no such collector"),
        ("misspelt", f"{METRICS}.mem.measurement", ["mem_percent"], "does not measure"),
        ("nothing asked of it", f"{METRICS}.mem.measurement", [], "no measurement"),
        ("bogus procstat", f"{METRICS}.procstat.0.measurement", ["ram"], "does not measure"),
        ("whose processes", f"{METRICS}.procstat.0.pattern", GONE, "which process?"),
        ("odd section of metrics", "metrics.metrics_collect", {}, "means nothing here"),
        ("odd dimension", "metrics.append_dimensions.Host", "${aws:Host}", "is none of"),
        (
            "wrong value",
            "metrics.append_dimensions.AutoScalingGroupName",
            "${aws:InstanceId}",
            "must be ${aws:AutoScalingGroupName}",
        ),
        ("not a list", "metrics.aggregation_dimensions", ["InstanceId"], "not a list"),
        ("not appended", "metrics.aggregation_dimensions", [["ImageId"]], "not appended"),
        (
            "one unit, not a list",
            "logs.logs_collected.journald.collect_list.0.units",
            "ssh",
            "not a list of names",
        ),
        ("twice", "logs.logs_collected.files.collect_list", [{}, {}], "the same again"),
        ("no logs", "logs.logs_collected", {}, "nothing is collected"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_fault_that_the_agent_would_forgive_is_named(
    why: str, path: str, value: object, said: str
) -> None:
    found = faults(broken(path, value))
    assert any(said in fault for fault in found), f"{why}: {found}"


def test_what_is_no_configuration_at_all_is_said_to_be_none() -> None:
    assert faults([]) == ["the configuration is not a JSON object"]
