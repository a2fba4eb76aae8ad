"""The lab's EC2 with a podman that only pretends: containers and images are entries in a dict."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.ec2.models.amis import Ami
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.general import General

from bakehouse_lab.api import moto_settings
from bakehouse_lab.ec2 import account, ami_calls, console, records
from bakehouse_lab.ec2.fleet import Fleet
from bakehouse_lab.ec2.hosts import Hosts
from bakehouse_lab.ec2.images import Images
from bakehouse_lab.lab import Lab
from bakehouse_lab.loop import Errands
from bakehouse_lab.podman import PodmanFailed, Seen
from bakehouse_lab.settings import ACCOUNT, BASE_IMAGES, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bakehouse_lab.podman import Container

# What /proc/PID/status says of signals: systemd waits for its power-off.
SYSTEMD = "Name:\tsystemd\nSigBlk:\t7fefc1fe28014a03\nSigCgt:\t00000000000004ec\n"

EXTENDED = (Ami, AmisResponse, General, Instance, InstanceBackend, VPCBackend)
MENDS = ("launch_groups", "launch_root_disk", "launch_subnet", "launch_template_data")


@dataclass
class PretendPodman:
    """podman, as far as EC2 uses it. Say in `broken` which verb fails from now on."""

    made: dict[str, Container] = field(default_factory=dict)
    state: dict[str, Seen] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(
        default_factory=lambda: {image: {} for image in BASE_IMAGES.values()}
    )
    broken: set[str] = field(default_factory=set)

    def _do(self, verb: str) -> None:
        if verb in self.broken:
            raise PodmanFailed(f"podman {verb}: no space left on device")

    def create(self, what: Container) -> None:
        self._do("create")
        self.made[what.name] = what
        self.state[what.name] = Seen(
            what.name, what.kind, what.id, "created", 0, 0, "", what.image, {}
        )

    def start(self, name: str) -> None:
        self._do("start")
        self.state[name] = replace(self.state[name], status="running", pid=1)

    def stop(self, name: str, grace_seconds: int) -> None:
        self.ends(name, 130)

    def ends(self, name: str, exit_code: int) -> None:
        """What a host does by itself."""
        self.state[name] = replace(self.state[name], status="exited", pid=0, exit_code=exit_code)

    def remove(self, name: str) -> None:
        self.state.pop(name, None)

    def seen(self, name: str) -> Seen | None:
        return self.state.get(name)

    def list(self, kind: str | None = None) -> list[Seen]:
        return list(self.state.values())

    def logs(self, name: str) -> str:
        return f"{name} says hello"

    def commit(self, name: str, image: str, labels: dict[str, str], pause: bool) -> None:
        self._do("commit")
        self.labels[image] = labels

    def tag(self, image: str, name: str) -> None:
        self.labels[name] = self.labels[image]

    def has_image(self, image: str) -> bool:
        return image in self.labels

    def images(self, label: str) -> dict[str, dict[str, str]]:
        return {name: labels for name, labels in self.labels.items() if label in labels}

    def remove_image(self, image: str) -> None:
        self.labels.pop(image, None)

    def run(self, *arguments: str) -> str:
        """`image inspect`: when a base image was made."""
        return "1795230139"


class AtOnce(Errands):
    """Errands that are done when asked for."""

    def run(self, key: str, errand: Callable[[], None], then: Callable[[], None]) -> bool:
        try:
            errand()
        except PodmanFailed:
            pass
        finally:
            then()
        return True


class DeskLab(Lab):
    """A lab that leaves this machine's network alone."""

    def network(self, cidr: str) -> tuple[str, str]:
        return f"net-{cidr}", "10.0.0.1"


@dataclass
class Desk:
    """EC2 as its callers and its hosts see it."""

    podman: PretendPodman
    lab: DeskLab
    fleet: Fleet
    images: Images
    ec2: Any

    def settle(self) -> None:
        """Let the controllers look until there is nothing left to do."""
        for _ in range(4):
            self.fleet.step()
            self.images.step()

    def launch(self, **more: Any) -> str:
        """A running instance of the Debian 13 base image."""
        wanted = {"ImageId": self.base(), "MinCount": 1, "MaxCount": 1, **more}
        instance: str = self.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]
        self.settle()
        return instance

    def base(self) -> str:
        found = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["debian-13-*"]}])
        image: str = found["Images"][0]["ImageId"]
        return image

    def bake(self, instance: str, name: str = "baked", **more: Any) -> str:
        """An AMI of the instance, made."""
        image: str = self.ec2.create_image(InstanceId=instance, Name=name, **more)["ImageId"]
        self.settle()
        return image

    def show(self, instance: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance])
        shown: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return shown

    def state(self, instance: str) -> str:
        name: str = self.show(instance)["State"]["Name"]
        return name

    def image(self, image: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.ec2.describe_images(ImageIds=[image])["Images"][0]
        return shown

    def container(self, instance: str) -> str:
        return f"bakehouse-lab7-{instance}"


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    os.environ.pop("AWS_ENDPOINT_URL", None)
    return boto3.Session(
        aws_access_key_id="lab", aws_secret_access_key="lab", region_name="us-east-1"
    )


@pytest.fixture
def moto_comes_back() -> Iterator[None]:
    """Take back what the test makes of moto's classes, for whoever tests after it."""
    before = {kind: dict(vars(kind)) for kind in EXTENDED}
    yield
    for kind, attributes in before.items():
        for name in set(vars(kind)) - set(attributes):
            delattr(kind, name)
        for name, value in attributes.items():
            if vars(kind)[name] is not value:
                setattr(kind, name, value)


@pytest.fixture
def sit_down(
    moto_comes_back: None, session: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[PretendPodman], Desk]]:
    """Start the lab's process on a machine; a second time is after a crash."""
    monkeypatch.setenv("BAKEHOUSE_LAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BAKEHOUSE_LAB_RUNTIME", str(tmp_path / "run"))
    moto_settings.configure()
    # 1,000 policies for each new account take most of a second, and EC2 reads none.
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")
    for name in MENDS:
        importlib.import_module(f"bakehouse_lab.compat.{name}").mend()
    records.extend(lambda: None)
    ami_calls.extend(lambda: None)

    proc = tmp_path / "proc"
    (proc / "1").mkdir(parents=True)
    (proc / "1" / "status").write_text(SYSTEMD)

    def start(podman: PretendPodman) -> Desk:
        for service in ("ec2", "iam"):
            get_backend(service)[ACCOUNT].reset()
        lab = DeskLab(Settings(7), podman, errands=AtOnce())  # type: ignore[arg-type]
        account.use(lab)
        hosts = Hosts(lab, proc)
        desk = Desk(podman, lab, Fleet(lab, hosts), Images(lab, hosts), session.client("ec2"))
        console.extend(hosts.console)
        desk.images.load()
        return desk

    with mock_aws():
        yield start


@pytest.fixture
def desk(sit_down: Callable[[PretendPodman], Desk]) -> Desk:
    return sit_down(PretendPodman())
