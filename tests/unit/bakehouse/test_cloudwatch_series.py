"""Which metrics a group pays for: each name once for each set of dimensions that it has."""

from __future__ import annotations

from typing import Any

import pytest

from bakehouse.cloudwatch.series import series

GROUP = "AutoScalingGroupName"


def configuration(collected: dict[str, Any], **metrics: Any) -> dict[str, Any]:
    by_group = {
        "append_dimensions": {GROUP: f"${{aws:{GROUP}}}"},
        "aggregation_dimensions": [[GROUP]],
    }
    return {"metrics": {**by_group, **metrics, "metrics_collected": collected}}


def dimensions(collected: dict[str, Any], **metrics: Any) -> list[tuple[str, ...]]:
    found = series(configuration(collected, **metrics))
    return sorted(tuple(name for name, _ in one) for _, one in found)


@pytest.mark.parametrize(
    ("collected", "expected"),
    [
        pytest.param(
            {"mem": {"measurement": ["used_percent"]}},
            [(GROUP,)],
            id="a figure of the whole host is the group's already",
        ),
        pytest.param(
            {"disk": {"measurement": ["free"], "resources": ["/"]}},
            [(GROUP,), (GROUP, "device", "fstype", "path")],
            id="a disk's figure stands beside the group's",
        ),
        pytest.param(
            {
                "disk": {
                    "measurement": [{"name": "disk_free"}],
                    "resources": ["/"],
                    "drop_device": True,
                    "drop_original_metrics": ["free"],
                }
            },
            [(GROUP,)],
            id="unless it is dropped",
        ),
        pytest.param(
            {"disk": {"measurement": ["free"], "resources": ["/", "/var"], "drop_device": True}},
            [(GROUP,), (GROUP, "fstype", "path"), (GROUP, "fstype", "path")],
            id="two disks and the group",
        ),
        pytest.param(
            {"procstat": [{"pattern": p, "measurement": ["pid_count"]} for p in ("a", "b")]},
            [(GROUP,), (GROUP, "pattern", "pid_finder"), (GROUP, "pattern", "pid_finder")],
            id="two patterns and all processes together",
        ),
        pytest.param(
            {"statsd": {"drop_original_metrics": ["a", "b"]}},
            [(GROUP,), (GROUP,)],
            id="StatsD's gauges lose their kind",
        ),
    ],
)
def test_a_metric_costs_once_for_each_set_of_its_dimensions(
    collected: dict[str, Any], expected: list[tuple[str, ...]]
) -> None:
    assert dimensions(collected) == expected


def test_a_host_s_id_makes_a_series_of_its_own() -> None:
    by_host = {"append_dimensions": {GROUP: "${aws:A}", "InstanceId": "${aws:InstanceId}"}}
    mem = {"mem": {"measurement": ["used"]}}
    assert dimensions(mem, **by_host) == [(GROUP,), (GROUP, "InstanceId")]


def test_so_does_its_name_where_nothing_else_is_appended() -> None:
    mem = {"mem": {"measurement": ["used"]}}
    assert dimensions(mem, append_dimensions={}, aggregation_dimensions=[]) == [("host",)]


def test_a_renamed_measurement_goes_by_its_new_name() -> None:
    mem = {"mem": {"measurement": [{"name": "used", "rename": "Memory"}]}}
    assert {name for name, _ in series(configuration(mem))} == {"Memory"}
