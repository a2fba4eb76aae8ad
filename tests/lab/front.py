"""Hosts behind a load balancer, in staging's network, with a web server that can misbehave."""

from __future__ import annotations

import base64
import http.client
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.waiting import until

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

PORT = 1  # staging's load balancer has the lab's first port, ours the next
DEBIAN = "136693071363"  # whose images the lab's base images are

# A web server that can be slow, close the connection, and fall ill; and as its image wants it,
# answers one page in five with an error, or dies soon after it has begun to serve.
SERVER = """#!/bin/sh
cat > /root/server.py <<'PYTHON'
import http.server, itertools, json, os, pathlib, socket, threading, time, urllib.request
WELL = pathlib.Path("/run/well")
WELL.touch()
def metadata(path, method="GET", **headers):
    url = f"http://169.254.169.254/latest/{path}"
    headers = {f"X-aws-ec2-metadata-{key}": value for key, value in headers.items()}
    asked = urllib.request.Request(url, method=method, headers=headers)
    return urllib.request.urlopen(asked, timeout=10).read().decode()
token = metadata("api/token", "PUT", **{"token-ttl-seconds": "60"})
INSTANCE, IMAGE = (metadata(f"meta-data/{what}", token=token) for what in ("instance-id", "ami-id"))
BEHAVIOUR = json.loads('BEHAVIOURS').get(IMAGE, "")
PAGES = itertools.count(1)
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, timeout = "HTTP/1.1", 75
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/close":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if self.path == "/slow":
            time.sleep(2)
        if self.path == "/fall-ill":
            WELL.unlink(missing_ok=True)
        status = 500 if self.path == "/health" and not WELL.exists() else 200
        if self.path != "/health":
            number = next(PAGES)
            if BEHAVIOUR == "one in five" and number % 5 == 0:
                status = 500
            if BEHAVIOUR == "dies" and number == 1:
                threading.Timer(8, os._exit, [1]).start()
        body = f"{socket.gethostname()}\\n{INSTANCE}\\n{self.headers}".encode()
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

    lab: RunningLab
    name: str
    target_group: str
    listener: str

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

    def is_gone(self) -> bool:
        """Whether nobody listens any more."""
        try:
            self.ask("/")
        except OSError:
            return True
        return False

    def health(self) -> Counter[str]:
        found = self.lab.client("elbv2").describe_target_health(TargetGroupArn=self.target_group)
        return Counter(each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"])

    def instances(self) -> dict[str, str]:
        """The life of each instance of the group."""
        found = self.lab.group(self.name)["Instances"]
        return {each["InstanceId"]: each["LifecycleState"] for each in found}

    def whole(self) -> bool:
        size = self.lab.group(self.name)["DesiredCapacity"]
        lives = set(self.instances().values())
        return self.health() == {"healthy": size} and lives == {"InService"}

    def met(self) -> str:
        """What there is of the hosts, for whoever must find out why they are not well."""
        ec2, scaling, elb = (
            self.lab.client(service) for service in ("ec2", "autoscaling", "elbv2")
        )
        activities = scaling.describe_scaling_activities(AutoScalingGroupName=self.name)[
            "Activities"
        ]
        said = [f"{one['StatusCode']}: {one.get('StatusMessage')}" for one in activities]
        health = elb.describe_target_health(TargetGroupArn=self.target_group)
        lives = self.instances()
        consoles = [ec2.get_console_output(InstanceId=each, Latest=True) for each in lives]
        ends = [each.get("Output", "")[-1500:] for each in consoles]
        return f"{lives}\n{said}\n{health['TargetHealthDescriptions']}\n" + "\n".join(ends)

    def believe_the_balancer_after(self, seconds: int) -> None:
        self.lab.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName=self.name, HealthCheckGracePeriod=seconds
        )


def base_image(lab: RunningLab) -> str:
    """The newest of Debian 13."""
    images = lab.client("ec2").describe_images(
        Owners=[DEBIAN], Filters=[{"Name": "name", "Values": ["debian-13-*"]}]
    )["Images"]
    newest: str = max(images, key=lambda image: image["Name"])["ImageId"]
    return newest


def forward(target_group: str) -> dict[str, Any]:
    """The action that sends requests there."""
    return {"Type": "forward", "TargetGroupArn": target_group}


@contextmanager
def hosts_behind_a_balancer(
    lab: RunningLab,
    name: str,
    *,
    image: str = "",
    size: int = 2,
    drain_seconds: int = 5,
    behaviours: Mapping[str, str] | None = None,
) -> Iterator[Front]:
    """So many hosts of an image that serve; gone afterwards. `behaviours` are by image."""
    ec2, elb = lab.client("ec2"), lab.client("elbv2")
    named = [{"Name": "tag:Name", "Values": ["staging-p*"]}]
    subnets = {
        tag["Value"]: subnet
        for subnet in ec2.describe_subnets(Filters=named)["Subnets"]
        for tag in subnet["Tags"]
        if tag["Key"] == "Name"
    }
    vpc = subnets["staging-public-a"]["VpcId"]
    ids = {name: subnet["SubnetId"] for name, subnet in subnets.items()}
    with ExitStack() as undo:
        outside = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        front = security_group(ec2, undo, f"{name}-front", vpc, outside)
        inside = {"UserIdGroupPairs": [{"GroupId": front}]}
        host = security_group(ec2, undo, f"{name}-host", vpc, inside)
        targets = target_group(elb, undo, name, vpc)
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(drain_seconds)}
        elb.modify_target_group_attributes(TargetGroupArn=targets, Attributes=[delay])
        balancer = elb.create_load_balancer(
            Name=name,
            Subnets=[ids["staging-public-a"], ids["staging-public-b"]],
            SecurityGroups=[front],
        )["LoadBalancers"][0]["LoadBalancerArn"]
        listener = elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[forward(targets)]
        )["Listeners"][0]["ListenerArn"]
        made = Front(lab, name, targets, listener)
        undo.callback(until, made.is_gone, seconds=60)  # its port is the next one's
        undo.callback(elb.delete_load_balancer, LoadBalancerArn=balancer)
        program = SERVER.replace("BEHAVIOURS", json.dumps(behaviours or {}))
        template = ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={
                "ImageId": image or base_image(lab),
                "InstanceType": "t3.micro",
                "SecurityGroupIds": [host],
                "UserData": base64.b64encode(program.encode()).decode(),
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        undo.callback(ec2.delete_launch_template, LaunchTemplateId=template)
        undo.enter_context(group_of(lab, name, size, template, targets, ids))
        until(made.whole, seconds=300, told=made.met)
        yield made


def security_group(ec2: Any, undo: ExitStack, name: str, vpc: str, source: Any) -> str:
    """One that lets HTTP in."""
    made = str(
        ec2.create_security_group(GroupName=name, Description="a test", VpcId=vpc)["GroupId"]
    )
    undo.callback(ec2.delete_security_group, GroupId=made)
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **source}
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
    return made


def target_group(elb: Any, undo: ExitStack, name: str, vpc: str) -> str:
    """One with quick looks at /health; its ARN."""
    made = str(
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
    )
    undo.callback(elb.delete_target_group, TargetGroupArn=made)
    return made


@contextmanager
def group_of(
    lab: RunningLab, name: str, size: int, template: str, targets: str, subnets: Mapping[str, str]
) -> Iterator[None]:
    """An Auto Scaling group of that size, which may become twice as large."""
    scaling = lab.client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=2 * size,
        DesiredCapacity=size,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        VPCZoneIdentifier=f"{subnets['staging-private-a']},{subnets['staging-private-b']}",
        TargetGroupARNs=[targets],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=300,
    )
    try:
        yield
    finally:
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
        groups = scaling.describe_auto_scaling_groups
        until(lambda: not groups(AutoScalingGroupNames=[name])["AutoScalingGroups"], seconds=120)
