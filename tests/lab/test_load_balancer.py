"""A load balancer with real hosts behind it: what an ALB does, seen from outside."""

from __future__ import annotations

import base64
import http.client
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import until

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(600)

NAME = "test-front"
PORT = 1  # staging's load balancer has the lab's first port, ours the next

# A web server that can be slow, close the connection, and fall ill.
SERVER = """#!/bin/sh
cat > /root/server.py <<'PYTHON'
import http.server, pathlib, socket, time
WELL = pathlib.Path("/run/well")
WELL.touch()
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 75
    def do_GET(self):
        if self.path == "/close":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if self.path == "/slow":
            time.sleep(2)
        if self.path == "/fall-ill":
            WELL.unlink(missing_ok=True)
        status = 500 if self.path == "/health" and not WELL.exists() else 200
        body = f"{socket.gethostname()}\\n{self.headers}".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
Server(("", 80), Handler).serve_forever()
PYTHON
systemd-run --unit=web python3 /root/server.py
"""


@dataclass
class Front:
    """The load balancer, and how to ask it."""

    lab: Any
    groups: dict[str, str]
    target_group: str = ""
    empty_group: str = ""
    listener: str = ""

    @property
    def port(self) -> int:
        return int(self.lab.settings.http_port) + PORT

    def ask(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, body

    def answers(self, path: str, status: int) -> bool:
        return self.ask(path)[0] == status

    def health(self) -> Counter[str]:
        found = self.lab.client("elbv2").describe_target_health(TargetGroupArn=self.target_group)
        return Counter(each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"])

    def instances(self) -> dict[str, str]:
        """The life of each instance of the group."""
        (group,) = self.lab.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[NAME]
        )["AutoScalingGroups"]
        return {each["InstanceId"]: each["LifecycleState"] for each in group["Instances"]}

    def whole(self) -> bool:
        return self.health() == {"healthy": 2} and set(self.instances().values()) == {"InService"}

    def met(self) -> str:
        """What there is of the hosts, for whoever must find out why they are not well."""
        ec2, scaling, elb = (
            self.lab.client(service) for service in ("ec2", "autoscaling", "elbv2")
        )
        activities = scaling.describe_scaling_activities(AutoScalingGroupName=NAME)["Activities"]
        said = [f"{one['StatusCode']}: {one.get('StatusMessage')}" for one in activities]
        health = elb.describe_target_health(TargetGroupArn=self.target_group)
        lives = self.instances()
        consoles = [ec2.get_console_output(InstanceId=each, Latest=True) for each in lives]
        ends = [each.get("Output", "")[-1500:] for each in consoles]
        return f"{lives}\n{said}\n{health['TargetHealthDescriptions']}\n" + "\n".join(ends)

    def believe_the_balancer_after(self, seconds: int) -> None:
        self.lab.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=NAME, HealthCheckGracePeriod=seconds
        )

    def action(self, group: str) -> dict[str, Any]:
        return {"Type": "forward", "TargetGroupArn": group}


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
    """Two hosts behind a load balancer, in staging's network."""
    made = Front(lab, {})
    ec2, elb, scaling = (lab.client(name) for name in ("ec2", "elbv2", "autoscaling"))
    subnets = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["staging-p*"]}])[
        "Subnets"
    ]
    by_name = {
        tag["Value"]: subnet["SubnetId"]
        for subnet in subnets
        for tag in subnet["Tags"]
        if tag["Key"] == "Name"
    }
    vpc = subnets[0]["VpcId"]
    for name, source in (("front", None), ("host", "front")):
        group = made.groups[name] = ec2.create_security_group(
            GroupName=f"{NAME}-{name}", Description="a test", VpcId=vpc
        )["GroupId"]
        whence: dict[str, Any] = (
            {"UserIdGroupPairs": [{"GroupId": made.groups[source]}]}
            if source
            else {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        )
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **whence}],
        )
    made.target_group, made.empty_group = (
        elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
        )["TargetGroups"][0]["TargetGroupArn"]
        for name in (NAME, f"{NAME}-empty")
    )
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "5"}
    elb.modify_target_group_attributes(TargetGroupArn=made.target_group, Attributes=[delay])
    balancer = elb.create_load_balancer(
        Name=NAME,
        Subnets=[by_name["staging-public-a"], by_name["staging-public-b"]],
        SecurityGroups=[made.groups["front"]],
    )["LoadBalancers"][0]["LoadBalancerArn"]
    made.listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[made.action(made.target_group)],
    )["Listeners"][0]["ListenerArn"]
    template = ec2.create_launch_template(
        LaunchTemplateName=NAME,
        LaunchTemplateData={
            "ImageId": base_image(ec2),
            "InstanceType": "t3.micro",
            "SecurityGroupIds": [made.groups["host"]],
            "UserData": base64.b64encode(SERVER.encode()).decode(),
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=NAME,
        MinSize=0,
        MaxSize=3,
        DesiredCapacity=2,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        VPCZoneIdentifier=f"{by_name['staging-private-a']},{by_name['staging-private-b']}",
        TargetGroupARNs=[made.target_group],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=300,
    )
    until(made.whole, seconds=300, told=made.met)
    yield made
    scaling.delete_auto_scaling_group(AutoScalingGroupName=NAME, ForceDelete=True)
    until(
        lambda: (
            not scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])[
                "AutoScalingGroups"
            ]
        ),
        seconds=120,
    )
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    for arn in (made.target_group, made.empty_group):
        elb.delete_target_group(TargetGroupArn=arn)
    ec2.delete_launch_template(LaunchTemplateId=template)
    for group in reversed(made.groups.values()):
        ec2.delete_security_group(GroupId=group)


def base_image(ec2: Any) -> str:
    images = ec2.describe_images(
        Owners=["136693071363"], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
    )["Images"]
    newest: str = max(images, key=lambda image: image["Name"])["ImageId"]
    return newest


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


def test_the_balancers_own_errors_are_an_albs(front: Front) -> None:
    elb = front.lab.client("elbv2")
    rule = elb.create_rule(
        ListenerArn=front.listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/empty*"]}],
        Actions=[front.action(front.empty_group)],
    )["Rules"][0]["RuleArn"]
    until(lambda: front.ask("/empty")[0] == 503, seconds=10)
    assert front.ask("/empty")[1]["server"] == "awselb/2.0"
    assert front.ask("/close")[0] == 502
    assert front.ask("/")[0] == 200
    elb.delete_rule(RuleArn=rule)
    until(lambda: front.ask("/empty")[0] == 200, seconds=10)


def test_rules_change_without_losing_a_request(front: Front) -> None:
    elb = front.lab.client("elbv2")
    with Visitors(front.port, ("/", "/", "/slow")) as visitors:
        for priority in (11, 12):
            rule = elb.create_rule(
                ListenerArn=front.listener,
                Priority=priority,
                Conditions=[{"Field": "path-pattern", "Values": [f"/fixed/{priority}"]}],
                Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
            )["Rules"][0]["RuleArn"]
            path = f"/fixed/{priority}"
            until(partial(front.answers, path, 404), seconds=10)
            elb.delete_rule(RuleArn=rule)
            until(partial(front.answers, path, 200), seconds=10)
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
