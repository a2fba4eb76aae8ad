"""What a host would ship to CloudWatch, whether or not the agent itself could be had."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse.cloudwatch import faults
from bakehouse.cloudwatch.series import series

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


def everything(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """Files and parts of the journal alike."""
    collected = configuration["logs"]["logs_collected"]
    return [entry for kind in collected.values() for entry in kind["collect_list"]]


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
    [
        "/var/log/audit/audit.log",
        "/var/log/nginx/access.log",
        "/var/log/nginx/error.log",
        "/var/log/php-fpm/app/slow.log",
    ],
)
def test_what_this_host_writes_is_shipped(
    host: Host, configuration: dict[str, Any], log: str
) -> None:
    """Break: sed -i s@/var/log/@/var/logs/@ /opt/aws/*/etc/*.json."""
    if not host.file(str(PurePosixPath(log).parent)).exists:
        pytest.skip("nothing on this host writes it")
    assert any(fnmatch(log, entry["file_path"]) for entry in files(configuration))


def test_laravel_s_trace_arrives_as_one_event(configuration: dict[str, Any]) -> None:
    """Break: sed -i s/{timestamp_format}/x/ /opt/aws/*/etc/*.json."""
    laravel = next(e for e in files(configuration) if "storage/logs" in e["file_path"])
    assert laravel["multi_line_start_pattern"] == "{timestamp_format}"
    assert laravel["timestamp_format"] == "[%Y-%m-%d %H:%M:%S]"


def test_the_groups_are_those_that_dashboards_know(configuration: dict[str, Any]) -> None:
    """Break: sed -i s@php-app/fpm@php-app/php@ /opt/aws/*/etc/*.json."""
    named = [entry["log_group_name"] for entry in everything(configuration)]
    base = min(named, key=len)
    assert sorted(name.removeprefix(base) for name in named) == [
        *("", "/audit", "/fpm", "/fpm-slow", "/journal", "/nginx-access", "/nginx-error"),
    ]


def test_the_journal_is_shipped(configuration: dict[str, Any]) -> None:
    """Break: sed -i s/runtime-env.service/x/ /opt/aws/*/etc/*.json."""
    journals = configuration["logs"]["logs_collected"]["journald"]["collect_list"]
    matches = [match for journal in journals for match in journal["matches"]]
    for unit in ("runtime-env.service", "dailyaidecheck.service"):
        assert {"_SYSTEMD_UNIT": unit} in matches
    assert {"SYSLOG_IDENTIFIER": "php-fpm"} in matches


@pytest.mark.parametrize(
    "event",
    [
        "DB_PASSWORD=not-a-secret-1",
        '{"api_key": "not-a-secret-2"}',
        "'password' => 'not-a-secret-3'",
        "GET /reset?token=not-a-secret-4",
        "redis://app:not-a-secret-5@cache:6379",
        "base64:" + 43 * "x" + "=",
    ],
)
def test_an_event_with_a_secret_stays_on_the_host(
    configuration: dict[str, Any], event: str
) -> None:
    """Break: sed -i s/exclude/include/ /opt/aws/*/etc/*.json."""
    for entry in everything(configuration):
        left_out = [f["expression"] for f in entry["filters"] if f["type"] == "exclude"]
        assert any(re.search(pattern, event) for pattern in left_out), entry["log_group_name"]


@pytest.mark.parametrize(
    "event",
    [
        "SQLSTATE[HY000] [1045] Access denied for user 'app'@'10.0.0.1' (using password: YES)",
        '{"status":302,"uri":"/password/reset","seconds":0.012}',
        'production.ERROR: The token has expired {"exception":',
    ],
)
def test_an_event_that_only_speaks_of_secrets_is_shipped(
    configuration: dict[str, Any], event: str
) -> None:
    """Break: sed -i 's/(password|/(sqlstate|reset|expired|/; s/(=>|=|:)/./; s/{8,}/{1,}/' \\
    /opt/aws/*/etc/*.json.
    """
    for entry in everything(configuration):
        for one in entry["filters"]:
            assert not re.search(one["expression"], event), entry["log_group_name"]


def test_a_metric_is_the_group_s_and_not_one_more_for_each_host(
    configuration: dict[str, Any],
) -> None:
    """Break: sed -i s/AutoScalingGroupName/InstanceId/ /opt/aws/*/etc/*.json."""
    assert configuration["agent"]["omit_hostname"] is True
    names = {name for _, dimensions in series(configuration) for name, _ in dimensions}
    assert "AutoScalingGroupName" in names
    assert not names & {"InstanceId", "ImageId", "host"}


def test_a_group_costs_no_more_than_thirty_metrics(configuration: dict[str, Any]) -> None:
    """Break: sed -i 's/"pid_count"/"pid_count", "num_fds", "cpu_usage"/' /opt/aws/*/etc/*.json."""
    assert 20 < len(series(configuration)) <= 30


def test_what_arrives_by_statsd_is_taken_from_this_host_alone(
    configuration: dict[str, Any],
) -> None:
    """Break: sed -i s/127.0.0.1:8125/:8125/ /opt/aws/*/etc/*.json."""
    statsd = configuration["metrics"]["metrics_collected"]["statsd"]
    assert statsd["service_address"] == "127.0.0.1:8125"
