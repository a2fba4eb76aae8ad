"""Put a group of hosts on an image: publish it, fill the group, replace old hosts one at a time.

The group always launches from a numbered version of its launch template, so that what it launches
tonight is what was tested today. For a group that serves there is `bakehouse.refresh`, which lets
AWS do the replacing and can be turned round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bakehouse.fleet.group import Done, Resize, Retire, Wait, next_step, retreat
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse.fleet.account import Group
    from bakehouse.fleet.group import Fleet, Host, Step
    from bakehouse.images.image import Image

# What an empty group is filled to, when no size is given: the fewest that survive the loss of one.
FIRST_SIZE = 2


class Cloud(Protocol):
    """What the verb needs of the account; `bakehouse.fleet.account.Groups` has it."""

    def publish(self, group: Group, image: Image) -> str:
        """Make a version of the launch template with the image; returns its number."""

    def point(self, group: Group, version: str, *, desired: int, minimum: int) -> None:
        """Let the group launch from that version, and set its size."""

    def see(self, group: Group, version: str, wanted: int) -> Fleet:
        """The group's hosts now."""

    def resize(self, group: Group, desired: int) -> None:
        """Tell Auto Scaling to keep so many hosts."""

    def retire(self, host: Host, *, replace: bool) -> None:
        """Drain and terminate a host."""

    def last_failure(self, group: Group) -> str:
        """Why the newest activity failed; empty when it did not."""


class NoRoom(Trouble):
    """The group's MaxSize leaves no room; nothing was done."""


class NewHostsNeverServed(Trouble):
    """New hosts did not come to serve in time. Old hosts, if there were any, serve on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a group."""

    wanted: int
    minimum: int
    publish: bool  # the image needs a version of its own
    point: bool  # the group must be told of a version or size

    def __str__(self) -> str:
        """The plan for a person."""
        steps = ["publish a launch template version"] * self.publish
        steps += [f"set the group to it, with {self.wanted} hosts"] * self.point
        return ", ".join([*steps, f"bring {self.wanted} hosts of it into service"])


def plan(group: Group, image: Image, size: int | None) -> Plan:
    """Decide what is to be done to `group`.

    A size that is given, or the first one, is also the least that the group may shrink to; else
    the group keeps the size it has. Raises NoRoom.
    """
    wanted = size or group.desired or FIRST_SIZE
    minimum = wanted if size or not group.desired else min(group.minimum, wanted)
    publish = group.image != image.id
    room = wanted + (1 if publish and group.desired else 0)
    if room > group.maximum:
        raise NoRoom(
            f"{group.name} may have {group.maximum} hosts, and {room} are needed: "
            "a replacement serves before its predecessor goes.",
            f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {group.name} "
            f"--max-size {room}",
        )
    changed = (wanted, minimum) != (group.desired, group.minimum)
    return Plan(wanted, minimum, publish, publish or group.floating or changed)


def begin(cloud: Cloud, group: Group, image: Image, todo: Plan) -> str:
    """Publish and point as planned; returns the version that is wanted from now on.

    The group is not made smaller here: whoever is too many leaves when the others serve.
    """
    version = cloud.publish(group, image) if todo.publish else group.version
    if todo.point:
        desired = max(todo.wanted, group.desired)
        cloud.point(group, version, desired=desired, minimum=todo.minimum)
    return version


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a host, and how; `clock` and `pause` are for tests to replace."""

    seconds: float
    clock: Callable[[], float]
    pause: Callable[[], None]


def settle(
    cloud: Cloud,
    group: Group,
    version: str,
    wanted: int,
    patience: Patience,
    tell: Callable[[Step, Fleet], None],
) -> Fleet:
    """Take steps until every host is of `version` and serves; returns the fleet as it then is.

    `tell` hears each step before it is taken. Raises NewHostsNeverServed after `patience.seconds`
    in which no host more came to serve and no old one went.
    """
    waiting_since, seen = patience.clock(), (0, 0)
    while True:
        fleet = cloud.see(group, version, wanted)
        step = next_step(fleet)
        tell(step, fleet)
        if isinstance(step, Done):
            return fleet
        if isinstance(step, Resize):
            cloud.resize(group, step.desired)
        if isinstance(step, Retire):
            cloud.retire(step.host, replace=step.replace)
        if (fleet.serving, len(fleet.old)) != seen:
            waiting_since, seen = patience.clock(), (fleet.serving, len(fleet.old))
        if patience.clock() - waiting_since > patience.seconds:
            raise _give_up(cloud, group, fleet, step)
        patience.pause()


def _give_up(cloud: Cloud, group: Group, fleet: Fleet, step: Step) -> NewHostsNeverServed:
    """Take back what can be taken back, and say why."""
    why = step.why if isinstance(step, Wait) else str(step)
    said = f"{group.name} did not settle: {why}."
    failure = cloud.last_failure(group)
    if failure:
        said += f"\n  Auto Scaling says: {failure}"
    sick = [host for host in fleet.new if not host.serves]
    if fleet.old and group.version != fleet.version:
        cloud.point(group, group.version, desired=fleet.desired, minimum=group.minimum)
        for back in retreat(fleet):
            cloud.retire(back.host, replace=back.replace)
        said += (
            f"\n  The group launches from version {group.version} again, "
            f"and {fleet.serving} hosts serve."
        )
    then = ""
    if sick:
        then = f"aws ec2 get-console-output --instance-id {sick[0].id} --output text"
    return NewHostsNeverServed(said, then)
