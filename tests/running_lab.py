"""A lab for the tests of a folder, beside whatever lab a person works with.

tests/lab has one with nothing in it (slot 1), tests/fleet one with two hosts (slot 2).
BAKEHOUSE_TEST_SLOT names another first slot, so that two checkouts can test at once.

It is started once and removed at the end, with all that it made; BAKEHOUSE_KEEP_LAB=1 leaves it
for a look (then: BAKEHOUSE_LAB_SLOT=2 scripts/lab status).
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from tests.waiting import until

from bakehouse_lab.settings import REGION, Settings

ROOT = Path(__file__).parents[1]
FIRST_SLOT = int(os.environ.get("BAKEHOUSE_TEST_SLOT", "1"))
KEY = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that is up, as a person at a shell has it."""

    settings: Settings
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """The load balancer's port 80."""
        return f"http://127.0.0.1:{self.settings.http_port}"

    def page(self) -> str:
        """The front page's HTML, as the load balancer gives it."""
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return str(answer.read().decode())

    def copied(self, source: str, name: str, state: str = "verified") -> str:
        """The id of another image of ours with the same disk, in this state of a bake."""
        ec2 = self.client("ec2")
        made = str(ec2.copy_image(Name=name, SourceImageId=source, SourceRegion=REGION)["ImageId"])
        ec2.get_waiter("image_available").wait(ImageIds=[made], WaiterConfig={"Delay": 1})
        self.mark(made, state)
        return made

    def mark(self, image: str, state: str) -> None:
        """Have an image of ours say that its bake got so far."""
        tags = {"Role": "web", "bakehouse:state": state}
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.client("ec2").create_tags(Resources=[image], Tags=listed)

    def group(self, name: str = "staging-web") -> dict[str, Any]:
        """An Auto Scaling group, as AWS describes it now."""
        (found,) = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[name]
        )["AutoScalingGroups"]
        return dict(found)

    def settled(self, name: str = "staging-web", seconds: float = 150) -> list[str]:
        """The ids of a group's hosts, when none of them comes or goes any more.

        Hosts that leave stand in the group, and hold connections, until their hook is answered.
        """

        def at_rest() -> list[str]:
            group = self.group(name)
            hosts = [each["InstanceId"] for each in group["Instances"]]
            lives = {each["LifecycleState"] for each in group["Instances"]}
            whole = len(hosts) == group["DesiredCapacity"]
            return hosts if whole and lives == {"InService"} else []

        return until(at_rest, seconds, told=lambda: self.group(name)["Instances"])

    def client(self, service: str) -> Any:
        """A boto3 client of the lab's account."""
        session = boto3.Session("lab", "lab", region_name=REGION)
        return session.client(service, endpoint_url=self.settings.endpoint)

    def begin(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in the repository's root, and go on."""
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def on(self, host: str, command: str) -> str:
        """What a command says on an instance."""
        return self.run("scripts/lab", "ssh", host, "--", command).stdout

    def sql(self, text: str) -> str:
        """What the database answers to its root: a line a row, tabs between columns."""
        database = f"{self.settings.prefix}-rds-staging-db"
        client = ("mariadb", "--no-defaults", "-N", "-e", text)
        return self.run("podman", "exec", database, *client).stdout

    def run(
        self, *command: str, minutes: float = 10, status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository's root; it must end with `status`."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=minutes * 60,
        )
        said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        assert done.returncode == status, f"{' '.join(command)}: {done.returncode}\n{said}"
        return done


@contextmanager
def running(slot: int) -> Iterator[RunningLab]:
    """A lab with its example environment, and no image of its own yet; gone afterwards."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    tools = f"{Path(sys.executable).parent}:{own['PATH']}"
    settings = Settings(slot)
    environment = own | KEY
    environment |= {
        "PATH": tools,
        "NO_COLOR": "1",
        "BAKEHOUSE_LAB_SLOT": str(slot),
        "BAKEHOUSE_LAB_REFRESH_STALL_SECONDS": "120",
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "BAKEHOUSE_SSH_KEY": str(settings.state / "ssh" / "id_ed25519"),
    }
    lab = RunningLab(settings, environment)
    lab.run("scripts/lab", "up", minutes=5)
    yield lab
    if os.environ.get("BAKEHOUSE_KEEP_LAB") != "1":
        lab.run("scripts/lab", "reset", "--yes", minutes=5)
