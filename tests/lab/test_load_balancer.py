"""A load balancer with real hosts behind it: what an ALB does, seen from outside."""

from __future__ import annotations

import http.client
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.lab.front import Front, forward, hosts_behind_a_balancer, target_group
from tests.waiting import until

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(600)

NAME = "test-front"


@dataclass
class Visitors:
    """Some clients that ask on and on, keep their connections, and never try twice."""

    port: int
    paths: tuple[str, ...]
    count: int = 6
    seen: Counter[str] = field(default_factory=Counter)
    _leave: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Visitors:
        self._threads = [
            threading.Thread(target=self._visit, args=(self.paths[n % len(self.paths)],))
            for n in range(self.count)
        ]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        for each in self._threads:
            each.join()

    def _visit(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._leave.is_set():
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                self.seen[str(answer.status)] += 1
            except OSError as failed:
                self.seen[repr(failed)] += 1
                connection.close()
            self._leave.wait(0.02)
        connection.close()


@pytest.fixture(scope="module")
def front(lab: RunningLab) -> Iterator[Front]:
    """Two hosts behind a load balancer."""
    with hosts_behind_a_balancer(lab, NAME) as front:
        yield front


@pytest.fixture
def empty(front: Front) -> Iterator[str]:
    """A target group with nothing in it."""
    elb = front.lab.client("elbv2")
    (full,) = elb.describe_target_groups(TargetGroupArns=[front.target_group])["TargetGroups"]
    with ExitStack() as undo:
        yield target_group(elb, undo, f"{NAME}-empty", full["VpcId"])


def test_requests_reach_every_host_with_the_headers_of_an_alb(front: Front) -> None:
    hosts, bodies = set(), []
    for _ in range(6):
        status, _, body = front.ask("/", **{"X-Forwarded-For": "192.0.2.7"})
        assert status == 200
        hosts.add(body.splitlines()[0])
        bodies.append(body.lower())
    assert len(hosts) == 2
    assert re.search(r"x-forwarded-for: 192\.0\.2\.7, 10\.\d+\.0\.1\b", bodies[0])
    assert "x-forwarded-proto: http\n" in bodies[0]
    assert "x-forwarded-port: 80\n" in bodies[0]
    assert re.search(r"x-amzn-trace-id: root=1-[0-9a-f]{8}-[0-9a-f]{24}\n", bodies[0])


def test_a_trace_that_has_begun_keeps_its_root(front: Front) -> None:
    root = f"Root=1-67891233-{uuid.uuid4().hex[:24]}"
    _, _, body = front.ask("/", **{"X-Amzn-Trace-Id": root})
    assert re.search(rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};{root}", body)


def test_the_balancers_own_errors_are_an_albs(front: Front, empty: str) -> None:
    elb = front.lab.client("elbv2")
    rule = elb.create_rule(
        ListenerArn=front.listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/empty*"]}],
        Actions=[forward(empty)],
    )["Rules"][0]["RuleArn"]
    until(lambda: front.ask("/empty")[0] == 503, seconds=10)
    assert front.ask("/empty")[1]["server"] == "awselb/2.0"
    assert front.ask("/close")[0] == 502
    assert front.ask("/")[0] == 200
    elb.delete_rule(RuleArn=rule)
    until(lambda: front.ask("/empty")[0] == 200, seconds=10)


def test_cloudwatch_hears_of_what_went_through_before_a_change_of_rules_and_after(
    front: Front,
) -> None:
    """Ten answers of hosts and five that the balancer gave in their place, since the last word."""
    requests = counted(front, "RequestCount")
    own = counted(front, "HTTPCode_ELB_5XX_Count", balancer_alone=True)
    for _ in range(10):
        front.ask("/")
    with refused(front, "/elsewhere", priority=21):
        for _ in range(5):
            front.ask("/close")
    # What was asked before may be told first, so the balancer's own answers are waited for as well.
    until(lambda: counted(front, "RequestCount") >= requests + 15, seconds=60)
    until(
        lambda: counted(front, "HTTPCode_ELB_5XX_Count", balancer_alone=True) >= own + 5, seconds=60
    )
    assert counted(front, "HTTPCode_Target_2XX_Count") >= 10
    assert counted(front, "HTTPCode_Target_5XX_Count") == 0


def counted(front: Front, metric: str, *, balancer_alone: bool = False) -> float:
    """What CloudWatch has counted of the group in the last hours."""
    elb = front.lab.client("elbv2")
    (group,) = elb.describe_target_groups(TargetGroupArns=[front.target_group])["TargetGroups"]
    (balancer,) = group["LoadBalancerArns"]
    dimensions = {"LoadBalancer": balancer.partition(":loadbalancer/")[2]}
    if not balancer_alone:
        dimensions["TargetGroup"] = front.target_group.rpartition(":")[2]
    now = datetime.now(UTC)
    found = front.lab.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApplicationELB",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=2),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in found))


@contextmanager
def refused(front: Front, path: str, priority: int) -> Iterator[None]:
    """A rule that answers the path with 404; it is in force, and at the end is so no more.

    For a moment two workers of haproxy take connections: the one that leaves, and was asked for its
    counters, and the new one. So one answer is not enough.
    """
    elb = front.lab.client("elbv2")

    def all_answer(status: int) -> bool:
        return all(front.answers(path, status) for _ in range(10))

    rule = elb.create_rule(
        ListenerArn=front.listener,
        Priority=priority,
        Conditions=[{"Field": "path-pattern", "Values": [path]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Rules"][0]["RuleArn"]
    until(partial(all_answer, 404), seconds=20)
    yield
    elb.delete_rule(RuleArn=rule)
    until(partial(all_answer, 200), seconds=20)


def test_rules_change_without_losing_a_request(front: Front) -> None:
    with Visitors(front.port, ("/", "/", "/slow")) as visitors:
        for priority in (11, 12):
            with refused(front, f"/fixed/{priority}", priority):
                pass
    assert set(visitors.seen) == {"200"}, visitors.seen


def test_a_host_is_drained_and_replaced_without_losing_a_request(front: Front) -> None:
    victim = min(front.instances())
    with Visitors(front.port, ("/", "/slow")) as visitors:
        front.lab.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=victim, ShouldDecrementDesiredCapacity=False
        )
        until(lambda: front.health()["draining"] == 1, seconds=5)
        until(lambda: victim not in front.instances() and front.whole(), seconds=120)
    assert set(visitors.seen) == {"200"}, visitors.seen


def test_a_sick_host_gets_no_requests_and_is_replaced(front: Front) -> None:
    before = front.instances()
    front.believe_the_balancer_after(seconds=0)
    _, _, body = front.ask("/fall-ill")
    sick = body.splitlines()[0]
    until(lambda: front.health() != {"healthy": 2}, seconds=60)
    front.believe_the_balancer_after(seconds=300)
    assert {front.ask("/")[2].splitlines()[0] for _ in range(6)}.isdisjoint({sick})
    until(lambda: front.instances().keys() != before.keys() and front.whole(), seconds=120)
    causes = [
        each["Cause"]
        for each in front.lab.client("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=NAME
        )["Activities"]
    ]
    assert any("ELB system health check failure" in cause for cause in causes)
