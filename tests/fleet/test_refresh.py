"""A refresh of the fleet, as its visitors see it: nobody notices, whatever becomes of it."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.crowd import SLOW_SECONDS, Watched, watching
from tests.waiting import ended, heard

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

GROUP = "staging-web"
CHANNEL = "/bakehouse/staging/web"
WARMUP = ("--warmup", "5")


@pytest.fixture
def watched(converged: RunningLab) -> Iterator[Watched]:
    converged.settled()
    port = converged.settings.http_port
    with watching(converged, GROUP, port, "/", "/api/plain") as watched:
        yield watched


@pytest.fixture(scope="module")
def successor(converged: RunningLab, image: str) -> Iterator[str]:
    """Another image with the same content; afterwards the fleet is on its first one again."""
    made = converged.copied(image, f"bakehouse-web-successor-{time.time():.0f}")
    yield made
    converged.mark(image, "verified")
    converged.run("scripts/refresh", GROUP, "--image", image, "--again", *WARMUP)
    converged.client("ec2").deregister_image(ImageId=made)


def events(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_a_refresh_to_the_channel_s_image_loses_no_request(
    watched: Watched, successor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, old = watched.lab, set(watched.in_service())
    lab.client("ssm").put_parameter(Name=CHANNEL, Value=successor, Type="String", Overwrite=True)
    plan = json.loads(lab.run("scripts/refresh", GROUP, "--plan", "--json", *WARMUP).stdout)
    began = time.monotonic()
    told = events(lab.run("scripts/refresh", GROUP, "--json", *WARMUP).stdout)
    took = time.monotonic() - began
    lab.client("ssm").delete_parameter(Name=CHANNEL)
    time.sleep(SLOW_SECONDS + 1)  # for those who came while the last host left
    watched.crowd.end()
    with capsys.disabled():
        sys.stdout.write(f"\n  refresh of 2: {took:.1f} s; the plan said {plan['seconds']} s")
    watched.check_that_nobody_noticed(capsys, least=2)
    assert watched.images() == {successor}
    assert not old & set(watched.in_service())
    assert {one["host"] for one in told if one["event"] == "drains"} == old
    watched.check_that_hosts_left_with_work_to_do(old)


def test_hosts_that_fail_their_health_check_are_put_back_and_nobody_notices(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain Debian boots, and nothing answers /health."""
    lab, before = watched.lab, watched.lab.group()
    (was,) = watched.images()
    debian = lab.client("ec2").describe_images(Owners=["136693071363"])["Images"][0]["ImageId"]
    bad = lab.copied(debian, f"bakehouse-web-bad-{time.time():.0f}")
    hosts = set(watched.in_service())
    done = lab.run("scripts/refresh", GROUP, "--image", bad, "--give-up", "45", *WARMUP, status=5)
    watched.check_that_nobody_noticed(capsys, least=2)
    assert "ROLLED BACK; every host is as before; 2 of 2 hosts serve" in done.stdout
    assert "turned back: nothing moved for " in done.stdout
    assert (watched.images(), set(watched.in_service())) == ({was}, hosts)
    assert watched.lab.group()["LaunchTemplate"] == before["LaunchTemplate"]
    again = lab.run("scripts/refresh", GROUP, "--image", bad, *WARMUP, status=1)
    assert f"the last refresh to {bad} ended RollbackSuccessful" in again.stderr
    lab.run("scripts/refresh", GROUP, "--status", status=5)


def test_a_command_that_is_killed_half_way_is_taken_up_by_the_next(
    watched: Watched, successor: str, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = watched.lab
    wanted = image if watched.images() == {successor} else successor
    lab.mark(wanted, "verified")
    command = ["scripts/refresh", GROUP, "--image", wanted, *WARMUP]
    scaling = lab.client("autoscaling")
    refreshes = scaling.describe_instance_refreshes
    before = len(refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"])
    first = lab.begin(*command)
    heard(first, "launched, of version")
    # Held up: a busy machine may take longer to start a command than the refresh has left.
    held = {"AutoScalingGroupName": GROUP, "ScalingProcesses": ["InstanceRefresh"]}
    scaling.suspend_processes(**held)
    try:
        first.send_signal(signal.SIGKILL)
        assert first.wait(60) == -signal.SIGKILL
        standing = lab.run("scripts/refresh", GROUP, "--status", status=8).stdout
        assert "scripts/refresh staging-web --cancel" in standing
        second = lab.begin(*command)
        heard(second, "taking up the refresh")
    finally:
        scaling.resume_processes(**held)
    assert "every host is new; 2 of 2 hosts serve" in ended(second, status=0)
    assert watched.images() == {wanted}
    found = refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]
    assert len(found) == before + 1
    watched.check_that_nobody_noticed(capsys, least=2)
