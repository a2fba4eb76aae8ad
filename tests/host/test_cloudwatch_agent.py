"""What a host would ship to CloudWatch, whether or not the agent itself could be had."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse.cloudwatch import faults

if TYPE_CHECKING:
    from testinfra.host import Host

FILE = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"


@pytest.fixture(scope="module")
def configuration(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.file(FILE).content_string)
    return found


def files(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    collected: list[dict[str, Any]] = configuration["logs"]["logs_collected"]["files"][
        "collect_list"
    ]
    return collected


def test_the_agent_runs_if_this_host_has_one(host: Host) -> None:
    """Break: with the agent, systemctl stop amazon-cloudwatch-agent."""
    if not host.package("amazon-cloudwatch-agent").is_installed:
        pytest.skip("this host has no agent: what it would ship is looked at all the same")
    agent = host.service("amazon-cloudwatch-agent")
    assert agent.is_running
    assert agent.is_enabled


def test_the_configuration_has_no_fault_that_the_agent_would_forgive(
    configuration: dict[str, Any],
) -> None:
    """Break: sed -i s/mem_used_percent/mem_used_percentage/ /opt/aws/*/etc/*.json."""
    assert faults(configuration) == []


def test_every_log_line_says_which_host_wrote_it(configuration: dict[str, Any]) -> None:
    """Break: sed -i s/{instance_id}/host/ /opt/aws/*/etc/*.json."""
    usual = configuration["logs"]["log_stream_name"]
    for entry in files(configuration):
        assert "{instance_id}" in entry.get("log_stream_name", usual), entry["file_path"]


@pytest.mark.parametrize(
    "log",
    ["/var/log/nginx/access.log", "/var/log/nginx/error.log", "/var/log/php-fpm/app/slow.log"],
)
def test_what_this_host_writes_is_shipped(
    host: Host, configuration: dict[str, Any], log: str
) -> None:
    """Break: sed -i s@/var/log/@/var/logs/@ /opt/aws/*/etc/*.json."""
    if not host.file(str(PurePosixPath(log).parent)).exists:
        pytest.skip("nothing on this host writes it")
    assert log in [entry["file_path"] for entry in files(configuration)]


def test_laravel_s_trace_arrives_as_one_event(configuration: dict[str, Any]) -> None:
    """Break: sed -i s/{timestamp_format}/x/ /opt/aws/*/etc/*.json."""
    laravel = next(e for e in files(configuration) if "storage/logs" in e["file_path"])
    assert laravel["multi_line_start_pattern"] == "{timestamp_format}"
    assert laravel["timestamp_format"] == "[%Y-%m-%d %H:%M:%S]"


def test_the_journal_is_shipped(configuration: dict[str, Any]) -> None:
    """Break: sed -i s/journald/journal/ /opt/aws/*/etc/*.json."""
    assert configuration["logs"]["logs_collected"]["journald"]["collect_list"]


def test_a_metric_is_the_group_s_and_not_one_more_for_each_host(
    configuration: dict[str, Any],
) -> None:
    """Break: sed -i s/omit_hostname/x/ /opt/aws/*/etc/*.json."""
    assert configuration["agent"]["omit_hostname"] is True
    metrics = configuration["metrics"]
    assert list(metrics["append_dimensions"]) == ["AutoScalingGroupName"]
    assert metrics["aggregation_dimensions"] == [["AutoScalingGroupName"]]


def test_a_group_costs_less_than_thirty_metrics(configuration: dict[str, Any]) -> None:
    """Break: none by one command; give each collector ten more measurements."""
    collected = configuration["metrics"]["metrics_collected"].values()
    sections = [s for each in collected for s in (each if isinstance(each, list) else [each])]
    assert 0 < sum(len(section["measurement"]) for section in sections) < 30
