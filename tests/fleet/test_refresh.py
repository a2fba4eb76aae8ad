"""A refresh of the fleet, as its visitors see it: nobody notices, whatever becomes of it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

GROUP = "staging-web"
CHANNEL = "/bakehouse/staging/web"
PER_SECOND = 50
SLOW_SECONDS = 5.0
WARMUP = ("--warmup", "5")


@dataclass
class Answer:
    """What a visitor got."""

    began: float
    ended: float
    path: str
    said: str  # the status, or what broke
    host: str


@dataclass
class Crowd:
    """Visitors who come at their times, whoever is slow, and never try twice."""

    lab: RunningLab
    answers: list[Answer] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        lanes = 10  # each asks a tenth of the requests, so that a slow answer delays no other's
        for lane in range(lanes):
            self._lane(lane / PER_SECOND, lanes / PER_SECOND, self._ask)
        for lane in range(8):
            self._lane(lane, 8, self._ask_slowly)

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _lane(self, first: float, every: float, ask: Callable[[int], None]) -> None:
        began = time.monotonic() + first

        def go() -> None:
            number = 0
            while not self._over.wait(max(0.0, began + number * every - time.monotonic())):
                ask(number)
                number += 1

        thread = threading.Thread(target=go)
        self._threads.append(thread)
        thread.start()

    def _ask(self, number: int) -> None:
        path = "/" if number % 10 == 0 else "/api/plain"
        self._visit(path, 0)

    def _ask_slowly(self, number: int) -> None:
        self._visit("/?slow", SLOW_SECONDS)

    def _visit(self, path: str, seconds: float) -> None:
        """With `seconds`: the last byte of the request comes so late; it is in flight so long."""
        began, host = time.time(), ""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.lab.settings.http_port, timeout=30
        )
        try:
            connection.putrequest("GET", path)
            connection.putheader("Content-Length", "1" if seconds else "0")
            connection.endheaders()
            if seconds:
                time.sleep(seconds)
                connection.send(b"x")
            answer = connection.getresponse()
            found = re.search(r"i-[0-9a-f]{17}", answer.read().decode())
            said, host = str(answer.status), found[0] if found else ""
        except OSError as broken:
            said = repr(broken)
        except http.client.HTTPException as broken:
            said = repr(broken)
        finally:
            connection.close()
        self.answers.append(Answer(began, time.time(), path, said, host))

    @property
    def said(self) -> Counter[str]:
        return Counter(answer.said for answer in self.answers)


@dataclass
class Samples:
    """How many hosts are in service and healthy, four times a second; and when each left."""

    lab: RunningLab
    seen: list[int] = field(default_factory=list)
    left: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        asg, elb = self.lab.client("autoscaling"), self.lab.client("elbv2")
        (target_group,) = elb.describe_target_groups(Names=[GROUP])["TargetGroups"]
        arn = target_group["TargetGroupArn"]

        def look() -> None:
            at, before = time.monotonic(), set[str]()
            while not self._over.wait(max(0.0, at - time.monotonic())):
                at += 0.25
                now = healthy(asg, elb, arn)
                self.left |= dict.fromkeys(before - now, time.time())
                self.seen.append(len(now))
                before = now

        self._thread = threading.Thread(target=look)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        assert self._thread
        self._thread.join()


def healthy(asg: Any, elb: Any, target_group: str) -> set[str]:
    (group,) = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    serving = {
        each["InstanceId"] for each in group["Instances"] if each["LifecycleState"] == "InService"
    }
    found = elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    well = {each["Target"]["Id"] for each in found if each["TargetHealth"]["State"] == "healthy"}
    return serving & well


@dataclass(frozen=True)
class Watched:
    """A fleet with visitors."""

    lab: RunningLab
    crowd: Crowd
    samples: Samples

    def check_that_nobody_noticed(self, capsys: pytest.CaptureFixture[str]) -> None:
        slow = sum(answer.path == "/?slow" for answer in self.crowd.answers)
        with capsys.disabled():
            sys.stdout.write(
                f"\n  {len(self.crowd.answers)} requests ({slow} of {SLOW_SECONDS:g} s): "
                f"{dict(self.crowd.said)}; healthy in service, {len(self.samples.seen)} samples: "
                f"{dict(Counter(self.samples.seen))}"
            )
        assert set(self.crowd.said) == {"200"}
        assert min(self.samples.seen) >= 2

    def images(self) -> set[str]:
        ids = self.in_service()
        found = self.lab.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
        return {each["ImageId"] for page in found for each in page["Instances"]}

    def in_service(self) -> list[str]:
        return [
            each["InstanceId"]
            for each in self.lab.group()["Instances"]
            if each["LifecycleState"] == "InService"
        ]


@pytest.fixture
def watched(converged: RunningLab) -> Iterator[Watched]:
    converged.settled()
    crowd, samples = Crowd(converged), Samples(converged)
    crowd.begin()
    samples.begin()
    try:
        yield Watched(converged, crowd, samples)
    finally:
        crowd.end()
        samples.end()


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
    watched.check_that_nobody_noticed(capsys)
    assert watched.images() == {successor}
    assert not old & set(watched.in_service())
    assert {one["host"] for one in told if one["event"] == "drains"} == old
    left = watched.samples.left
    assert set(left) >= old
    assert any(
        answer.began < left.get(answer.host, 0) < answer.ended
        for answer in watched.crowd.answers
        if answer.path == "/?slow"
    ), "no slow request was under way when its host began to leave"


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
    watched.check_that_nobody_noticed(capsys)
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
    refreshes = lab.client("autoscaling").describe_instance_refreshes
    before = len(refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"])
    plan = json.loads(lab.run(*command, "--plan", "--json").stdout)
    first = subprocess.Popen(
        command, env=lab.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert first.stderr
    for line in first.stderr:
        if "launched, of version" in line:
            first.send_signal(signal.SIGKILL)
            break
    assert first.wait(60) == -signal.SIGKILL
    standing = lab.run("scripts/refresh", GROUP, "--status", status=8).stdout
    assert "scripts/refresh staging-web --cancel" in standing
    done = lab.run(*command)
    assert "taking up the refresh" in done.stderr
    assert "every host is new; 2 of 2 hosts serve" in done.stdout
    assert watched.images() == {wanted}
    found = refreshes(AutoScalingGroupName=GROUP)["InstanceRefreshes"]
    assert len(found) == before + 1
    took = (found[0]["EndTime"] - found[0]["StartTime"]).total_seconds()
    with capsys.disabled():
        sys.stdout.write(f"\n  refresh of 2: {took:.1f} s; the plan said {plan['seconds']} s")
    watched.check_that_nobody_noticed(capsys)
