"""What `make bench` borrows it gives back, and what it calls a refresh's overhead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bakehouse_lab.bench import Measure, Unmeasured, table
from bakehouse_lab.bench_refresh import four
from bakehouse_lab.cli.bench import PARTS, parser, rounds

GROUP = "staging-web"
IMAGE = "ami-first"


class PretendAccount:
    """A group whose hosts are there at once, and images; every service of it is the same object."""

    def __init__(self) -> None:
        self.group: dict[str, Any] = {"MinSize": 2, "DesiredCapacity": 2, "MaxSize": 4}
        self.images = {IMAGE: "unverified"}
        self.runs = IMAGE
        self.waited = timedelta(seconds=40)

    def client(self, service: str) -> PretendAccount:
        return self

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        hosts = [{"LifecycleState": "InService"}] * self.group["DesiredCapacity"]
        template = {"LaunchTemplateId": "lt-1", "Version": "3"}
        record = self.group | {"Instances": hosts, "LaunchTemplate": template}
        return {"AutoScalingGroups": [record]}

    def update_auto_scaling_group(self, **asked: Any) -> None:
        assert asked.pop("AutoScalingGroupName") == GROUP
        self.group |= asked

    def describe_launch_template_versions(self, **_: Any) -> dict[str, Any]:
        return {"LaunchTemplateVersions": [{"LaunchTemplateData": {"ImageId": self.runs}}]}

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        began = datetime(2026, 11, 28, tzinfo=UTC)
        return {"InstanceRefreshes": [{"StartTime": began, "EndTime": began + self.waited}]}

    def copy_image(self, **asked: str) -> dict[str, str]:
        id = f"ami-{asked['Name']}"
        self.images[id] = "unverified"
        return {"ImageId": id}

    def get_waiter(self, what: str) -> PretendAccount:
        return self

    def wait(self, **_: Any) -> None:
        pass

    def create_tags(self, **asked: Any) -> None:
        self.images |= dict.fromkeys(asked["Resources"], asked["Tags"][0]["Value"])

    def deregister_image(self, **asked: str) -> None:
        del self.images[asked["ImageId"]]


@pytest.fixture
def account() -> PretendAccount:
    return PretendAccount()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose commands write down how they were called, and do nothing."""
    (tmp_path / "scripts").mkdir()
    for name in ("refresh", "launch"):
        script = tmp_path / "scripts" / name
        end = json.dumps({"event": "end", "refresh": "r-1"})
        script.write_text(f"#!/bin/sh\necho {name} $* >> called\necho '{end}'\n")
        script.chmod(0o755)
    return tmp_path


def called(root: Path) -> list[str]:
    return (root / "called").read_text().splitlines()


def test_the_group_is_as_before_also_when_a_refresh_cannot_be_measured(
    account: PretendAccount, root: Path
) -> None:
    before = dict(account.group)
    with pytest.raises(Unmeasured, match="a refresh"), four(account.client, GROUP, root) as pair:
        assert account.group["DesiredCapacity"] == 4
        assert account.group["MaxSize"] == 8
        account.runs = pair.images[0]
        raise Unmeasured("a refresh ended with status 5")
    assert called(root) == [f"launch {GROUP} --image {IMAGE} --size 2"]
    assert (account.group["MinSize"], account.group["MaxSize"]) == (2, before["MaxSize"])
    assert account.images == {IMAGE: "unverified"}


def test_each_refresh_goes_to_the_other_of_two_verified_images(
    account: PretendAccount, root: Path
) -> None:
    with four(account.client, GROUP, root) as pair:
        one, two = pair.images
        assert account.images == {IMAGE: "unverified", one: "verified", two: "verified"}
        for account.runs in (IMAGE, one, two):
            pair.refresh()
    wanted = [line.split()[3] for line in called(root)[:3]]
    assert wanted == [one, two, one]


def test_only_what_aws_does_itself_is_wait(account: PretendAccount, root: Path) -> None:
    with four(account.client, GROUP, root) as pair:
        account.waited = timedelta(milliseconds=1)
        took = pair.refresh()
    assert took.waited == 0.001
    assert took.overhead == pytest.approx(100 * (took.wall - 0.001) / 0.001)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("", dict.fromkeys(PARTS, 5) | {"refresh": 4, "bake": 2, "verified": 2}),
        (
            "--bakes 0 --refreshes 0 --runs 1",
            dict.fromkeys(("api", "memory", "boot", "site", "unchanged"), 1),
        ),
        ("refresh memory --refreshes 9", {"memory": 5, "refresh": 9}),
    ],
)
def test_parts_can_be_left_out(words: str, chosen: dict[str, int]) -> None:
    assert rounds(parser().parse_args(words.split())) == chosen


def test_a_measure_without_values_has_no_line() -> None:
    assert "Bake" not in table([Measure("Bake", "s", 120)])
