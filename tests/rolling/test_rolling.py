"""A refresh of four hosts with visitors, and all that may befall it: `make trial`.

No part of `make test`: beside its other processes 50 requests a second are not all answered, and
nobody could tell whose fault that was. The hosts are Debian with a small web server; what Laravel's
hosts do in a refresh is asked by test_with_laravel, and of two of them by tests/fleet.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.crowd import SLOW_SECONDS, Watched, watching
from tests.lab.front import PORT, base_image, hosts_behind_a_balancer
from tests.rolling.bad_line import bad_line
from tests.waiting import ended, heard, until

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(600)

GROUP = "test-rolling"
HOSTS = 4
WARMUP = ("--warmup", "5")
# The figures come every 10 s. Of one slow page in a hundred nobody is to judge here.
CANARY = ("--canary", "45", "--allow-latency", "50")


@dataclass(frozen=True)
class Images:
    """All are Debian; by their ids the web server knows how to behave."""

    first: str
    second: str
    one_in_five: str  # answers every fifth page with an error
    dies: str  # 8 s after its first page


@pytest.fixture(scope="module")
def images(lab: RunningLab) -> Images:
    base = base_image(lab)
    names = ("first", "second", "one-in-five", "dies")
    return Images(*(lab.copied(base, f"bakehouse-web-{name}") for name in names))


@pytest.fixture(scope="module")
def front(lab: RunningLab, images: Images) -> Iterator[None]:
    behaviours = {images.one_in_five: "one in five", images.dies: "dies"}
    with hosts_behind_a_balancer(
        lab, GROUP, image=images.first, size=HOSTS, drain_seconds=8, behaviours=behaviours
    ):
        yield


@pytest.fixture
def watched(lab: RunningLab, front: None) -> Iterator[Watched]:
    lab.settled(GROUP)
    with watching(lab, GROUP, lab.settings.http_port + PORT, "/") as watched:
        yield watched


@pytest.fixture
def wanted(watched: Watched, images: Images) -> str:
    """The good image that the group does not run."""
    return images.second if watched.images() == {images.first} else images.first


def refresh(image: str, *more: str) -> list[str]:
    return ["scripts/refresh", GROUP, "--image", image, *WARMUP, *more]


def turned_back(watched: Watched, image: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a canary of this image that is no good; the group is then as before."""
    lab, was, template = watched.lab, watched.images(), watched.lab.group(GROUP)["LaunchTemplate"]
    lab.mark(image, "verified")
    said = lab.run(*refresh(image, *CANARY), status=5).stdout
    watched.tell(capsys)
    assert watched.images() == was
    assert lab.group(GROUP)["LaunchTemplate"] == template
    return said


def alarm(lab: RunningLab, state: str) -> str:
    """An alarm in that state; its name."""
    cloudwatch, name = lab.client("cloudwatch"), f"{GROUP}-bell"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Bell",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    return name


def test_four_hosts_are_replaced_and_no_request_is_lost(
    watched: Watched, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, old = watched.lab, set(watched.in_service())
    lab.mark(wanted, "verified")
    plan = json.loads(lab.run(*refresh(wanted, "--plan", "--json")).stdout)
    began = time.monotonic()
    lab.run(*refresh(wanted))
    took = time.monotonic() - began
    time.sleep(SLOW_SECONDS + 1)  # for those who came while the last host left
    watched.crowd.end()
    with capsys.disabled():
        sys.stdout.write(f"\n  refresh of {HOSTS}: {took:.1f} s; the plan said {plan['seconds']} s")
    watched.check_that_nobody_noticed(capsys, least=HOSTS)
    assert watched.images() == {wanted}
    assert not old & set(watched.in_service())


def test_a_canary_that_answers_one_page_in_five_with_an_error_is_turned_back(
    watched: Watched, images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    old = set(watched.in_service())
    said = turned_back(watched, images.one_in_five, capsys)
    assert "it answers with more errors than the old hosts" in said
    assert set(watched.crowd.said) == {"200", "500"}
    wrong = {answer.host for answer in watched.crowd.answers if answer.said == "500"}
    assert len(wrong - old) == len(wrong) == 1, "more than the canary answered so"
    assert min(watched.samples.seen) >= HOSTS


def test_a_canary_that_serves_and_then_dies_is_turned_back(
    watched: Watched, images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "after it had served" in turned_back(watched, images.dies, capsys)
    # What was on its way to it, or came before a look had found it dead.
    assert set(watched.crowd.said) <= {"200", "502", "504"}
    # One old host had gone for it.
    assert min(watched.samples.seen) >= HOSTS - 1


def test_an_alarm_that_rings_half_way_puts_all_back_and_nobody_notices(
    watched: Watched, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, was, template = watched.lab, watched.images(), watched.lab.group(GROUP)["LaunchTemplate"]
    lab.mark(wanted, "verified")
    bell = alarm(lab, "OK")
    command = lab.begin(*refresh(wanted, "--again", "--at-once", "1", "--alarm", bell))
    until(lambda: len(watched.images()) == 2, seconds=120)
    alarm(lab, "ALARM")
    said = ended(command, status=5)
    lab.settled(GROUP)
    watched.check_that_nobody_noticed(capsys, least=HOSTS)
    assert bell in said
    assert watched.images() == was
    assert lab.group(GROUP)["LaunchTemplate"] == template


def test_a_bad_line_and_a_second_refresh_beside_it_cost_nothing(
    watched: Watched, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every third call is throttled, and in the middle AWS says nothing for 20 s."""
    lab = watched.lab
    lab.mark(wanted, "verified")
    refreshes = lab.client("autoscaling").describe_instance_refreshes
    before = len(refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"])
    (was,) = watched.images()
    with bad_line(lab.settings.api_port) as line:
        command = lab.begin(*refresh(wanted, "--again"), AWS_ENDPOINT_URL=line.url)
        heard(command, "launched")
        other = lab.run(*refresh(was, "--again"), status=1)
        line.fall_silent(20)
        ended(command, status=0)
    assert "is under way" in other.stderr
    assert line.held
    assert line.throttled > 5
    watched.check_that_nobody_noticed(capsys, least=HOSTS)
    assert watched.images() == {wanted}
    assert len(refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]) == before + 1


def test_a_host_that_dies_and_a_group_that_grows_in_the_middle_are_seen_to(
    watched: Watched, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab, old = watched.lab, set(watched.in_service())
    lab.mark(wanted, "verified")
    command = lab.begin(*refresh(wanted, "--again", "--at-once", "1"))

    def new_in_service() -> list[str]:
        return sorted(set(watched.in_service()) - old)

    (victim, *_) = until(new_in_service, seconds=120)
    lab.client("ec2").terminate_instances(InstanceIds=[victim])
    scaling = lab.client("autoscaling")
    scaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=HOSTS + 1)
    try:
        ended(command, status=0)
        assert len(lab.settled(GROUP)) == HOSTS + 1
        watched.tell(capsys)
        assert watched.images() == {wanted}
        assert victim not in watched.in_service()
        # The one that was killed fell silent among those that serve, until a look found it so.
        assert set(watched.crowd.said) <= {"200", "502", "504"}
        assert min(watched.samples.seen) >= HOSTS - 1
    finally:
        scaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=HOSTS)
