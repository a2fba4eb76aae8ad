"""A refresh of four hosts of our own, as the image makes them: `make trial`.

They take a bake, and 250 MiB each; and show what a small web server cannot: that a host serves no
sooner than it has its database, its secret and its caches, and leaves when its work is done.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.crowd import SLOW_SECONDS, Watched, watching

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the bake is in it

GROUP = "staging-web"
HOSTS = 4
# Every tenth visitor writes to the database and to Redis, and starts a session; the others need
# PHP-FPM and Laravel, and no more.
PAGES = ("/", "/api/plain")


@pytest.fixture(scope="module")
def four(converged: RunningLab) -> Iterator[RunningLab]:
    """The fleet with four hosts, and room for eight."""
    scaling = converged.client("autoscaling")
    before = converged.group()
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=GROUP, MaxSize=2 * HOSTS, DesiredCapacity=HOSTS
    )
    converged.settled()
    yield converged
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        MaxSize=before["MaxSize"],
        DesiredCapacity=before["DesiredCapacity"],
    )
    converged.settled()


@pytest.fixture
def successor(four: RunningLab, image: str) -> str:
    """Another image with the same content."""
    return four.copied(image, f"bakehouse-web-successor-{time.time():.0f}")


@pytest.fixture
def watched(four: RunningLab, successor: str) -> Iterator[Watched]:
    with watching(four, GROUP, four.settings.http_port, *PAGES) as watched:
        yield watched


def test_four_hosts_of_ours_are_replaced_and_no_request_is_lost(
    watched: Watched, successor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 100/200: all four new ones come, and serve, before the first old one goes."""
    lab, old = watched.lab, set(watched.in_service())
    assert len(old) == HOSTS
    began = time.monotonic()
    done = lab.run("scripts/refresh", GROUP, "--image", successor, "--json")
    took = time.monotonic() - began
    time.sleep(SLOW_SECONDS + 1)  # for those who came while the last host left
    watched.crowd.end()
    told = [json.loads(line) for line in done.stdout.splitlines()]
    with capsys.disabled():
        sys.stdout.write(f"\n  refresh of {HOSTS} of our hosts: {took:.1f} s")
    watched.check_that_nobody_noticed(capsys, least=HOSTS)
    assert watched.images() == {successor}
    assert not old & set(watched.in_service())
    assert {one["host"] for one in told if one["event"] == "drains"} == old
    watched.check_that_hosts_left_with_work_to_do(old)
