"""What a refresh of four of our own hosts costs, and how much of that is the command's own."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse_lab.bench import command, described, until
from bakehouse_lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOSTS = 4
PATIENCE_SECONDS = 300
VERIFIED = {"Key": "bakehouse:state", "Value": "verified"}  # scripts/refresh takes no other image


@dataclass(frozen=True, slots=True)
class Took:
    """One refresh, in seconds.

    `wall` is what whoever typed `scripts/refresh` waited: from the start of its process to its end.
    `waited` is AWS's part of that, from StartTime to EndTime as DescribeInstanceRefreshes has them:
    hosts that boot, are found healthy, warm up and drain.
    """

    wall: float
    waited: float

    @property
    def overhead(self) -> float:
        """What the command adds to the wait, in percent of the wait.

        All that is not between StartTime and EndTime: Python and boto3 start, the looks before the
        order, AWS's own time between the order and StartTime, and the time until the command has
        seen the end and said it. What it does in between costs nobody anything.

        >>> round(Took(wall=42.0, waited=40.0).overhead, 1)
        5.0
        """
        return 100 * (self.wall - self.waited) / self.waited


@dataclass(frozen=True, slots=True)
class Pair:
    """A group of four, and the two images that it changes between."""

    client: Callable[[str], Any]
    root: Path
    group: str
    images: tuple[str, str]

    def refresh(self) -> Took:
        """Put all four on the other image; new hosts come before old ones go (100/200)."""
        scaling = self.client("autoscaling")
        now = running(self.client, self.group)
        other = self.images[now == self.images[0]]
        wall, said = command(
            "scripts/refresh", self.group, "--image", other, "--again", "--json", root=self.root
        )
        end = json.loads(said.splitlines()[-1])
        (found,) = scaling.describe_instance_refreshes(
            AutoScalingGroupName=self.group, InstanceRefreshIds=[end["refresh"]]
        )["InstanceRefreshes"]
        return Took(wall, (found["EndTime"] - found["StartTime"]).total_seconds())


def running(client: Callable[[str], Any], group: str) -> str:
    """The image that the group launches from."""
    said = described(client, group)["LaunchTemplate"]
    found = client("ec2").describe_launch_template_versions(
        LaunchTemplateId=said["LaunchTemplateId"], Versions=[said["Version"]]
    )
    return str(found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"])


@contextmanager
def four(client: Callable[[str], Any], group: str, root: Path) -> Iterator[Pair]:
    """The group with four hosts, and its image twice more under other ids.

    However it ends, the group is afterwards as it was, and the two images are gone.
    """
    scaling, ec2 = client("autoscaling"), client("ec2")
    was, image = described(client, group), running(client, group)
    made: list[str] = []
    try:
        made += [_copied(ec2, image, f"bench-{name}-{image}") for name in ("one", "two")]
        scaling.update_auto_scaling_group(
            AutoScalingGroupName=group, MaxSize=2 * HOSTS, DesiredCapacity=HOSTS
        )
        until(lambda: _whole(client, group), "a group of four", PATIENCE_SECONDS)
        yield Pair(client, root, group, (made[0], made[1]))
    finally:
        size = str(was["DesiredCapacity"])
        command("scripts/launch", group, "--image", image, "--size", size, root=root)
        scaling.update_auto_scaling_group(
            AutoScalingGroupName=group, MinSize=was["MinSize"], MaxSize=was["MaxSize"]
        )
        for each in made:
            ec2.deregister_image(ImageId=each)


def _copied(ec2: Any, image: str, name: str) -> str:
    id = str(ec2.copy_image(Name=name, SourceImageId=image, SourceRegion=REGION)["ImageId"])
    ec2.get_waiter("image_available").wait(ImageIds=[id], WaiterConfig={"Delay": 1})
    ec2.create_tags(Resources=[id], Tags=[VERIFIED])
    return id


def _whole(client: Callable[[str], Any], group: str) -> bool:
    """All hosts are in service and nobody comes or goes."""
    record = described(client, group)
    lives = [each["LifecycleState"] for each in record["Instances"]]
    return lives == ["InService"] * int(record["DesiredCapacity"])
