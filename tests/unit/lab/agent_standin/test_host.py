"""What a stand-in ships of one host, with this machine's /proc and a CloudWatch in memory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

import pytest

from bakehouse_lab.agent_standin import measure, rollup
from bakehouse_lab.agent_standin.configuration import Asked, Destination, Journal
from bakehouse_lab.agent_standin.events import Event
from bakehouse_lab.agent_standin.journal import flags
from bakehouse_lab.agent_standin.rollup import Sample
from bakehouse_lab.agent_standin.ship import CloudWatch, batches
from bakehouse_lab.agent_standin.statsd import parsed
from bakehouse_lab.settings import Settings

GROUP = {"AutoScalingGroupName": "web"}
BY_GROUP = {"aggregation_dimensions": [["AutoScalingGroupName"]]}


def names(data: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(
        (one["MetricName"], *(each["Name"] for each in one["Dimensions"])) for one in data
    )


def test_a_configuration_is_read_as_the_agent_reads_it() -> None:
    entry = {
        "file_path": "/a.log",
        "log_group_name": "/g/{instance_id}",
        "timestamp_format": "%Y",
        "multi_line_start_pattern": "{timestamp_format}",
        "retention_in_days": 7,
    }
    text = json.dumps(
        {
            "metrics": {"metrics_collected": {"statsd": {"service_address": ":8125"}}},
            "logs": {
                "log_stream_name": "{hostname}",
                "logs_collected": {
                    "files": {"collect_list": [entry]},
                    "journald": {"collect_list": [{"log_group_name": "/j"}]},
                },
            },
        }
    )
    asked = Asked.of(text, {"instance_id": "i-1", "hostname": "h"})
    assert asked.files[0].to == Destination("/g/i-1", "h", 7)
    assert asked.files[0].reading.start == re.compile(r"\d{4}")
    assert asked.journals[0].to == Destination("/j", "h", None)
    assert asked.journals[0].priority == "info"
    assert asked.statsd == ("0.0.0.0", 8125)
    assert (asked.flush_seconds, asked.interval_seconds) == (5, 60)


@pytest.mark.parametrize(
    ("why", "sample", "metrics", "expected"),
    [
        ("the group's already", Sample("a", 1), BY_GROUP, [("a", "AutoScalingGroupName")]),
        (
            "beside the group's",
            Sample("a", 1, {"path": "/"}),
            BY_GROUP,
            [("a", "AutoScalingGroupName"), ("a", "AutoScalingGroupName", "path")],
        ),
        (
            "the group's alone",
            Sample("disk_a", 1, {"path": "/"}),
            BY_GROUP | {"metrics_collected": {"disk": {"drop_original_metrics": ["a"]}}},
            [("disk_a", "AutoScalingGroupName")],
        ),
        (
            "a dimension that this one lacks",
            Sample("a", 1),
            {"aggregation_dimensions": [["path"]]},
            [("a", "AutoScalingGroupName")],
        ),
        (
            "all hosts together",
            Sample("a", 1),
            {"aggregation_dimensions": [[]]},
            [("a",), ("a", "AutoScalingGroupName")],
        ),
    ],
)
def test_a_figure_is_sent_with_its_dimensions_and_rolled_up(
    why: str, sample: Sample, metrics: dict[str, Any], expected: list[tuple[str, ...]]
) -> None:
    data = rollup.data([sample], metrics, GROUP)
    assert names(data) == expected, why
    assert {one["StatisticValues"]["SampleCount"] for one in data} == {1}, why


def test_the_samples_of_an_interval_become_one_set_of_statistics() -> None:
    (one,) = rollup.data([Sample("a", value) for value in (1, 5, 3)], {}, {})
    assert one["StatisticValues"] == {"SampleCount": 3, "Sum": 9, "Minimum": 1, "Maximum": 5}


@pytest.mark.parametrize("line", ["", "a", "a:1", "a:x|g", ":1|g", "a:1|set"])
def test_what_is_no_statsd_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parsed(line)


def test_events_are_shipped_by_time_in_pieces_that_a_call_may_carry() -> None:
    def sizes(events: Sequence[Event]) -> list[int]:
        return [len(batch) for batch in batches(events)]

    assert [one.text for one in next(batches([Event(2, "b"), Event(1, "a")]))] == ["a", "b"]
    assert sizes([Event(0, "x")] * 10_001) == [10_000, 1]
    assert sizes([Event(0, "x" * 500_000)] * 3) == [2, 1]
    assert sizes([Event(0, "x"), Event(86_401, "x")]) == [1, 1]
    assert sizes([]) == []


def test_the_journal_is_asked_for_any_of_the_matches() -> None:
    to = Destination("/j", "s", 1)
    asked = Journal(to, ("a.service",), ({"A": "1", "B": "2"}, {"C": "3"}), "notice", ())
    said = flags(asked, "here")
    assert said[-5:] == ["--unit=a.service", "A=1", "B=2", "+", "C=3"]
    assert {"--priority=notice", "--after-cursor=here", "--output=json"} <= set(said)


def test_a_host_is_measured_as_it_is_asked_for() -> None:
    collected = {
        "mem": {"measurement": ["mem_used_percent", {"name": "total", "rename": "Memory"}]},
        "swap": {"measurement": ["used_percent"]},
        "disk": {"measurement": ["used_percent"], "resources": ["/"], "drop_device": True},
        "netstat": {"measurement": ["tcp_time_wait"]},
        "processes": {"measurement": ["total"]},
        "procstat": [{"pattern": "py.?test", "measurement": ["pid_count"]}],
        "gpu": {"measurement": ["x"]},
    }
    found = {one.name: one for one in measure.samples(os.getpid(), collected)}
    assert sorted(found) == [
        "Memory",
        "disk_used_percent",
        "mem_used_percent",
        "netstat_tcp_time_wait",
        "processes_total",
        "procstat_lookup_pid_count",
        "swap_used_percent",
    ]
    assert 0 < found["mem_used_percent"].value <= 100
    assert found["disk_used_percent"].dimensions == {"path": "/", "fstype": "overlay"}
    assert found["procstat_lookup_pid_count"].value >= 1
    assert measure.unknown(collected) == ["gpu"]


class PretendLogs:
    """CloudWatch Logs in memory, as far as it is spoken to."""

    class exceptions:  # noqa: N801  # boto3's own name
        class ResourceAlreadyExistsException(Exception):
            pass

        class ResourceNotFoundException(Exception):
            pass

    def __init__(self) -> None:
        self.days: dict[str, int | None] = {}
        self.streams: dict[tuple[str, str], list[str]] = {}

    def create_log_group(self, logGroupName: str) -> None:  # noqa: N803  # boto3's own names
        if logGroupName in self.days:
            raise self.exceptions.ResourceAlreadyExistsException
        self.days[logGroupName] = None

    def put_retention_policy(self, logGroupName: str, retentionInDays: int) -> None:  # noqa: N803
        self.days[logGroupName] = retentionInDays

    def create_log_stream(self, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        if (logGroupName, logStreamName) in self.streams:
            raise self.exceptions.ResourceAlreadyExistsException
        self.streams[logGroupName, logStreamName] = []

    def put_log_events(
        self,
        logGroupName: str,  # noqa: N803
        logStreamName: str,  # noqa: N803
        logEvents: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        if (logGroupName, logStreamName) not in self.streams:
            raise self.exceptions.ResourceNotFoundException
        self.streams[logGroupName, logStreamName] += [one["message"] for one in logEvents]


def test_a_group_is_made_with_its_retention_also_when_another_host_made_it() -> None:
    logs = PretendLogs()
    for stream in ("i-1", "i-2"):
        cloudwatch = CloudWatch(Settings(), logs=logs)
        for text in ("a", "b"):
            cloudwatch.put_events(Destination("/g", stream, 14), [Event(1, text)])
    assert logs.days == {"/g": 14}
    assert logs.streams == {("/g", "i-1"): ["a", "b"], ("/g", "i-2"): ["a", "b"]}


def test_a_group_that_somebody_deleted_is_made_again_as_the_agent_does() -> None:
    logs = PretendLogs()
    cloudwatch = CloudWatch(Settings(), logs=logs)
    for text in ("a", "b"):
        cloudwatch.put_events(Destination("/g", "i-1", 14), [Event(1, text)])
        kept = logs.streams.pop(("/g", "i-1"))
        logs.days.clear()
    assert kept == ["b"]
