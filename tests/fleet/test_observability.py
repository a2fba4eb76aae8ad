"""What a fleet writes and measures arrives in the lab's CloudWatch, and no secret does.

The hosts' own configuration of the agent decides what; what ships it is the lab's stand-in.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse.cloudwatch.series import series

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

GROUP = "/aws/ec2/php-app"
BY_GROUP = {"Name": "AutoScalingGroupName", "Value": "staging-web"}
AGENT = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.json"

# What an application does with an exception that nobody catches; the canary is an argument.
REPORT = """
require '/srv/app/current/vendor/autoload.php';
$app = require '/srv/app/current/bootstrap/app.php';
$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();
function deep($mark, $secret) { throw new RuntimeException($mark); }
try { deep('%s', '%s'); } catch (Throwable $error) { report($error); }
"""

# One request that sleeps, to the pool itself: no page of the application is that slow.
SLOW = """
import pathlib, sys
sys.path.insert(0, "/usr/local/lib/bakehouse")
from host_metrics import fastcgi
workers = pathlib.Path("/run/php-fpm/app/fpm.sock")
script = pathlib.Path("/usr/local/lib/bakehouse/%s.php")
script.write_text("<?php sleep(7);")
try:
    fastcgi.ask(workers, {"SCRIPT_FILENAME": str(script)}, 60)
finally:
    script.unlink()
"""


def events(lab: RunningLab, group: str) -> list[dict[str, Any]]:
    logs = lab.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event for page in pages for event in page["events"]]


def groups(lab: RunningLab) -> dict[str, dict[str, Any]]:
    found = lab.client("logs").describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    return {one["logGroupName"]: one for one in found}


def on_a_host(lab: RunningLab, *command: str) -> str:
    from bakehouse_lab.cli.refusal import podman_for

    podman = podman_for(lab.settings)
    host = next(seen for seen in podman.list("instance") if seen.running)
    return podman.run("exec", host.name, *command)


@pytest.fixture(scope="module")
def mark() -> str:
    """A word that nobody else writes."""
    return f"mark{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def canary() -> str:
    """A secret, short enough that a stack trace would show it whole."""
    return f"c{uuid.uuid4().hex[:11]}"


@pytest.fixture(scope="module")
def shipped(converged: RunningLab, mark: str, canary: str) -> Iterator[RunningLab]:
    """The fleet, after a request, an exception, a slow request, and secrets where they slip in."""
    for path in (f"/?{mark}", f"/?reset_token={canary}", f"/nowhere?password={canary}"):
        try:
            urllib.request.urlopen(converged.url + path, timeout=30).read()
        except urllib.error.HTTPError as refused:
            refused.close()
    app = ("runuser", "--user", "app", "--")
    on_a_host(converged, *app, "php", "-r", REPORT % (mark, canary))
    line = f"[{datetime.now():%Y-%m-%d %H:%M:%S}] staging.INFO: DB_PASSWORD={canary}"
    log = "/srv/app/shared/storage/logs/laravel.log"
    on_a_host(converged, *app, "sh", "-c", f"echo '{line}' >>{log}")
    on_a_host(converged, "logger", "--tag", "php", f"redis://app:{canary}@cache:6379 is away")
    on_a_host(converged, "python3", "-B", "-c", SLOW % mark)
    yield converged


@pytest.fixture
def arrives(shipped: RunningLab, eventually: Callable[..., None]) -> Callable[..., dict[str, Any]]:
    """Wait until an event with a word is in a group."""

    def wait(group: str, word: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def there() -> bool:
            if group in groups(shipped):
                found[:] = [one for one in events(shipped, group) if word in one["message"]]
            return bool(found)

        eventually(there, seconds=60)
        return found[0]

    return wait


def test_a_request_s_line_arrives_with_its_own_time(
    arrives: Callable[..., dict[str, Any]], mark: str
) -> None:
    """Break: take timestamp_format off nginx's access log in the agent's configuration."""
    event = arrives(f"{GROUP}/nginx-access", mark)
    written = datetime.fromisoformat(json.loads(event["message"])["time"])
    assert event["timestamp"] == written.timestamp() * 1000


def test_an_exception_arrives_as_one_event_with_its_whole_trace(
    arrives: Callable[..., dict[str, Any]], mark: str
) -> None:
    """Break: take multi_line_start_pattern off laravel.log in the agent's configuration."""
    lines = arrives(GROUP, mark)["message"].splitlines()
    assert "ERROR" in lines[0]
    assert "[stacktrace]" in lines
    assert lines[-1].strip() == '"}'


def test_a_slow_request_arrives_with_its_stack(
    arrives: Callable[..., dict[str, Any]], mark: str
) -> None:
    """Break: slowlog off in PHP-FPM's pool, or its ptrace refused (SystemCallFilter)."""
    lines = arrives(f"{GROUP}/fpm-slow", mark)["message"].splitlines()
    assert "pool app" in lines[0]
    assert "sleep()" in lines[2]


def test_what_our_units_say_arrives(arrives: Callable[..., dict[str, Any]]) -> None:
    """Break: take journald out of the agent's configuration."""
    said = json.loads(arrives(f"{GROUP}/journal", "runtime-env.service")["message"])["body"]
    assert said["MESSAGE"]


def test_which_host_wrote_a_line_is_the_stream_s_name(
    shipped: RunningLab, arrives: Callable[..., dict[str, Any]], mark: str
) -> None:
    """Break: log_stream_name {hostname} in the agent's configuration."""
    stream = arrives(GROUP, mark)["logStreamName"]
    hosts = shipped.client("ec2").describe_instances(InstanceIds=[stream])["Reservations"]
    assert len(hosts) == 1


def test_no_event_holds_a_secret(
    shipped: RunningLab, arrives: Callable[..., dict[str, Any]], mark: str, canary: str
) -> None:
    """Neither what slipped in here, nor what the environment itself lives by.

    Break: take the filters out of the agent's configuration.
    """
    arrives(f"{GROUP}/fpm-slow", mark)  # the last that was written
    time.sleep(6)
    vault = shipped.client("secretsmanager")
    secrets = [canary]
    for one in vault.list_secrets()["SecretList"]:
        text = vault.get_secret_value(SecretId=one["ARN"], VersionStage="AWSCURRENT")
        values = json.loads(text["SecretString"])
        secrets += [values[name] for name in values if "KEY" in name or "PASSWORD" in name]
    assert len(secrets) > 2
    for group in groups(shipped):
        for event in events(shipped, group):
            assert not [one for one in secrets if one in event["message"]], group


def test_every_group_says_when_its_lines_expire(
    shipped: RunningLab, arrives: Callable[..., dict[str, Any]], mark: str
) -> None:
    """Break: take retention_in_days out of the agent's configuration."""
    arrives(f"{GROUP}/fpm-slow", mark)
    found = groups(shipped)
    assert {GROUP, f"{GROUP}/nginx-access", f"{GROUP}/journal", f"{GROUP}/fpm-slow"} <= set(found)
    assert all(one.get("retentionInDays", 0) > 0 for one in found.values())


def test_a_group_has_the_series_that_its_configuration_comes_to_and_no_more(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    """Counted in two ways that know nothing of each other: by what asks, and by what arrived."""
    asked = series(json.loads(on_a_host(converged, "cat", AGENT)))
    expected = {(name, frozenset(key for key, _ in own)) for name, own in asked}

    def arrived() -> set[tuple[str, frozenset[tuple[str, str]]]]:
        pages = converged.client("cloudwatch").get_paginator("list_metrics")
        return {
            (
                metric["MetricName"],
                frozenset((one["Name"], one["Value"]) for one in metric["Dimensions"]),
            )
            for page in pages.paginate(Namespace="PhpApp", Dimensions=[BY_GROUP])
            for metric in page["Metrics"]
        }

    def kinds() -> set[tuple[str, frozenset[str]]]:
        return {(name, frozenset(key for key, _ in own)) for name, own in arrived()}

    always = {one for one in expected if not one[0].startswith("runtime_env_")}
    eventually(lambda: kinds() >= always, seconds=150)
    assert kinds() <= expected
    assert len(arrived()) <= len(asked) <= 30


def test_the_group_s_figures_are_true(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    metrics = converged.client("cloudwatch")

    def figure(name: str, kind: str = "Maximum") -> float | None:
        said = metrics.get_metric_statistics(
            Namespace="PhpApp",
            MetricName=name,
            Dimensions=[BY_GROUP],
            StartTime=time.time() - 600,
            EndTime=time.time() + 60,
            Period=900,
            Statistics=[kind],
        )["Datapoints"]
        return float(said[0][kind]) if said else None

    eventually(lambda: figure("php_fpm_idle") is not None, seconds=150)
    assert (figure("php_fpm_idle") or 0) >= 1
    assert 0 < (figure("mem_used_percent") or 0) < 100
    assert figure("php_fpm_away", "Minimum") == 0  # site.yml restarts PHP-FPM, one after the other
    assert figure("queue_jobs") is not None


def test_the_lab_says_that_a_stand_in_ships(shipped: RunningLab) -> None:
    said = shipped.run("scripts/lab", "status").stdout
    assert f"{GROUP}/nginx-access" in said
    assert "a stand-in for the CloudWatch agent" in said
