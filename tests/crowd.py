"""A crowd of visitors, and what they and a group's hosts go through during a refresh."""

from __future__ import annotations

import http.client
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest
    from tests.running_lab import RunningLab

PER_SECOND = 50
SLOW_SECONDS = 5.0


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

    port: int
    pages: tuple[str, ...]  # the first is every tenth, the last are all others
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
        self._visit(self.pages[0 if number % 10 == 0 else -1], 0)

    def _ask_slowly(self, number: int) -> None:
        self._visit("/?slow", SLOW_SECONDS)

    def _visit(self, path: str, seconds: float) -> None:
        """With `seconds`: the last byte of the request comes so late; it is in flight so long."""
        began, host = time.time(), ""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
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
    group: str
    seen: list[int] = field(default_factory=list)
    left: dict[str, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        asg, elb = self.lab.client("autoscaling"), self.lab.client("elbv2")
        (arn,) = self.lab.group(self.group)["TargetGroupARNs"]

        def look() -> None:
            at, before = time.monotonic(), set[str]()
            while not self._over.wait(max(0.0, at - time.monotonic())):
                at += 0.25
                now = healthy(asg, elb, self.group, arn)
                self.left |= dict.fromkeys(before - now, time.time())
                self.seen.append(len(now))
                before = now

        self._thread = threading.Thread(target=look)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        assert self._thread
        self._thread.join()


def healthy(asg: Any, elb: Any, name: str, target_group: str) -> set[str]:
    (group,) = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    serving = {
        each["InstanceId"] for each in group["Instances"] if each["LifecycleState"] == "InService"
    }
    found = elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    well = {each["Target"]["Id"] for each in found if each["TargetHealth"]["State"] == "healthy"}
    return serving & well


@dataclass(frozen=True)
class Watched:
    """A group with visitors."""

    lab: RunningLab
    name: str
    crowd: Crowd
    samples: Samples

    def check_that_nobody_noticed(self, capsys: pytest.CaptureFixture[str], least: int) -> None:
        """Each request was answered well, and never fewer than `least` hosts could answer."""
        self.tell(capsys)
        assert set(self.crowd.said) == {"200"}, self.crowd.said
        assert min(self.samples.seen) >= least, Counter(self.samples.seen)

    def check_that_hosts_left_with_work_to_do(self, old: set[str]) -> None:
        """Each of them was seen to leave, and one at least had a slow request to answer then."""
        left = self.samples.left
        assert set(left) >= old
        assert any(
            answer.began < left.get(answer.host, 0) < answer.ended
            for answer in self.crowd.answers
            if answer.path == "/?slow"
        ), "no slow request was under way when its host began to leave"

    def tell(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Print the counts."""
        slow = sum(answer.path == "/?slow" for answer in self.crowd.answers)
        with capsys.disabled():
            sys.stdout.write(
                f"\n  {len(self.crowd.answers)} requests ({slow} of {SLOW_SECONDS:g} s): "
                f"{dict(self.crowd.said)}; healthy in service, {len(self.samples.seen)} samples: "
                f"{dict(Counter(self.samples.seen))}"
            )

    def images(self) -> set[str]:
        """What the hosts in service run."""
        ids = self.in_service()
        found = self.lab.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
        return {each["ImageId"] for page in found for each in page["Instances"]}

    def in_service(self) -> list[str]:
        """The ids of the hosts in service."""
        return [
            each["InstanceId"]
            for each in self.lab.group(self.name)["Instances"]
            if each["LifecycleState"] == "InService"
        ]


@contextmanager
def watching(lab: RunningLab, name: str, port: int, *pages: str) -> Iterator[Watched]:
    """A group with visitors, who ask for these pages."""
    crowd, samples = Crowd(port, pages), Samples(lab, name)
    crowd.begin()
    samples.begin()
    try:
        yield Watched(lab, name, crowd, samples)
    finally:
        crowd.end()
        samples.end()
