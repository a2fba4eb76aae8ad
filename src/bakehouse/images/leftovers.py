"""What bakes left behind: found by what a run writes on all that it makes, and taken away.

A run's name is a tag on its hosts, volumes, security groups, images and snapshots, and part of its
key pairs' names; an image that packer had no time to tag has the run's second in its name, and
says of which host it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from bakehouse.aws import told
from bakehouse.images.image import BAKING, ROLE, RUN, STATE
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakehouse.aws import Account
    from bakehouse.progress import Progress


# Whether things of a run are to go. It may be asked for the beginning of a run's name alone.
Whose = Callable[[str], bool]

STAMP = r"\d{8}-\d{6}"
_KEY_PAIR = re.compile(rf"bakehouse-({STAMP}-[0-9a-f]{{6}})")
_IMAGE = re.compile(rf"bakehouse-{ROLE}-.*-({STAMP})")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What bakes made on the way and should be gone: ids, by kind."""

    instances: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    key_pairs: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(str(self))

    def __str__(self) -> str:
        """All ids, for a person."""
        return ", ".join(id for kind in fields(self) for id in getattr(self, kind.name))


class Sweeper(Protocol):
    """Who finds them and takes them away; `bakehouse.images.account.Images` has it."""

    def leftovers(self, whose: Whose) -> Leftovers:
        """What those runs left."""

    def remove(self, left: Leftovers, run: str) -> None:
        """Take it away."""


def of(run: str) -> Whose:
    """Things of that run alone."""
    return lambda name: run.startswith(name)


def of_the_dead(living: set[str]) -> Whose:
    """Things of every run but those that go on."""
    return lambda name: not any(run.startswith(name) for run in living)


def find(account: Account, whose: Whose) -> Leftovers:
    """All that is left of those runs; a finished image is not left over."""
    ec2 = account.ec2
    with told():
        images = _half_made(ec2, whose)
        return Leftovers(
            instances=tuple(_instances(ec2, whose)),
            images=tuple(image["ImageId"] for image in images),
            snapshots=tuple(_snapshots(ec2, whose, images)),
            volumes=tuple(
                volume["VolumeId"]
                for volume in _tagged(ec2, "describe_volumes", "Volumes", whose)
                if not volume.get("Attachments")
            ),
            key_pairs=tuple(
                pair["KeyName"]
                for pair in ec2.describe_key_pairs()["KeyPairs"]
                if (named := _KEY_PAIR.match(pair["KeyName"])) and whose(named[1])
            ),
            security_groups=tuple(
                group["GroupId"]
                for group in _tagged(ec2, "describe_security_groups", "SecurityGroups", whose)
            ),
        )


def _tagged(ec2: Any, call: str, kind: str, whose: Whose, **query: Any) -> Iterator[dict[str, Any]]:
    """What carries a run's name as a tag."""
    filters = [{"Name": "tag-key", "Values": [RUN]}]
    for page in ec2.get_paginator(call).paginate(Filters=filters, **query):
        for one in page[kind]:
            if whose(tags_of(one)[RUN]):
                yield one


def _instances(ec2: Any, whose: Whose) -> Iterator[str]:
    filters = [{"Name": "tag-key", "Values": [RUN]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page["Reservations"]:
            for one in reservation["Instances"]:
                if one["State"]["Name"] != "terminated" and whose(tags_of(one)[RUN]):
                    yield one["InstanceId"]


def _half_made(ec2: Any, whose: Whose) -> list[dict[str, Any]]:
    """Images whose bake did not end."""
    query = {"Owners": ["self"], "Filters": [{"Name": "name", "Values": [f"bakehouse-{ROLE}-*"]}]}
    return [image for image in ec2.describe_images(**query)["Images"] if _is_half(image, whose)]


def _is_half(image: dict[str, Any], whose: Whose) -> bool:
    """Whether it says so; or says nothing yet, has a run's name, and was made of a host.

    A copy has no tags either (CopyImage leaves them behind), often the same name, and belongs to
    whoever made it: AWS names a source instance only for images that CreateImage made.
    """
    tags, named = tags_of(image), _IMAGE.fullmatch(image.get("Name", ""))
    if RUN in tags:
        return tags.get(STATE) == BAKING and whose(tags[RUN])
    if not named or not image.get("SourceInstanceId"):
        return False
    return whose(named[1])


def _snapshots(ec2: Any, whose: Whose, half_made: list[dict[str, Any]]) -> set[str]:
    """Those behind half images, and those of a run that are behind no image at all."""
    behind = {id for image in half_made for id in snapshots_of(image)}
    tagged = _tagged(ec2, "describe_snapshots", "Snapshots", whose, OwnerIds=["self"])
    alone = {one["SnapshotId"] for one in tagged}
    if alone:
        for image in ec2.describe_images(Owners=["self"])["Images"]:
            alone -= set(snapshots_of(image))
    return behind | alone


def remove(account: Account, left: Leftovers, run: str) -> None:
    """Take `left` away, in the order in which AWS allows it.

    Interrupted at any call, what is still there is found again: snapshots are given the name of
    the run before the image goes that they are known by.
    """
    ec2 = account.ec2
    with told():
        if left.instances:
            ec2.terminate_instances(InstanceIds=list(left.instances))
            ec2.get_waiter("instance_terminated").wait(
                InstanceIds=list(left.instances), WaiterConfig={"Delay": 3, "MaxAttempts": 100}
            )
        if left.images and left.snapshots:
            tags = [{"Key": RUN, "Value": run}]
            ec2.create_tags(Resources=list(left.snapshots), Tags=tags)
        for id in left.images:
            ec2.deregister_image(ImageId=id)
        for id in left.snapshots:
            ec2.delete_snapshot(SnapshotId=id)
        for id in left.volumes:
            ec2.delete_volume(VolumeId=id)
        for name in left.key_pairs:
            ec2.delete_key_pair(KeyName=name)
        for id in left.security_groups:
            ec2.delete_security_group(GroupId=id)


def tags_of(record: dict[str, Any]) -> dict[str, str]:
    """The tags of anything in EC2."""
    return {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}


def snapshots_of(image: dict[str, Any]) -> tuple[str, ...]:
    """The snapshots that an image's record names."""
    volumes = (mapping.get("Ebs", {}) for mapping in image.get("BlockDeviceMappings", []))
    return tuple(volume["SnapshotId"] for volume in volumes if "SnapshotId" in volume)


def sweep(sweeper: Sweeper, whose: Whose, run: str, progress: Progress) -> bool:
    """Look for what runs left, and take it away; says what it found.

    An interrupt is passed on after a second try. An AWS that does not answer is said and not
    raised: who asks has a reason of their own to fail. False when that happened.
    """
    progress.now("Looking for anything left behind")
    try:
        return _swept(sweeper, whose, run, progress)
    except KeyboardInterrupt:
        progress.say("interrupted; taking away what is left first")
        _swept(sweeper, whose, run, progress)
        raise


def _swept(sweeper: Sweeper, whose: Whose, run: str, progress: Progress) -> bool:
    try:
        left = sweeper.leftovers(whose)
        if left:
            progress.say(f"taking away {left}")
            sweeper.remove(left, run)
        else:
            progress.say("nothing")
    except Trouble as trouble:
        progress.say(f"could not look, or not take all away: {trouble}")
        progress.say(f"what is left carries the tag {RUN}={run}; next: scripts/image sweep")
        return False
    return True
