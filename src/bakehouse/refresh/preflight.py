"""Whether a refresh may begin: every reason against it, and what to type about each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bakehouse.images.image import VERIFIED
from bakehouse.refresh.rolling import FAILED, ROLLBACK_FAILED, ROLLED_BACK, Order, Refresh, usual
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.fleet.account import Group
    from bakehouse.fleet.group import Fleet
    from bakehouse.images.image import Image

# What a refresh needs of a group: that it launches, ends, asks, and puts into the balancer.
# (AlarmNotification, ScheduledActions and AZRebalance may rest; often it is meant so.)
NEEDED = (
    "Launch",
    "Terminate",
    "HealthCheck",
    "ReplaceUnhealthy",
    "AddToLoadBalancer",
    "InstanceRefresh",
)

UPDATE = "aws autoscaling update-auto-scaling-group --auto-scaling-group-name"


class NotReady(Trouble):
    """The refresh may not begin; nothing was done."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is looked at before a refresh begins."""

    group: Group
    image: Image
    fleet: Fleet  # as the wanted image would have it
    suspended: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()  # hosts
    alarms: Mapping[str, str] = field(default_factory=dict)  # those asked for, and their states
    asks_balancer: bool = True  # the balancer's health counts for the group
    active: Refresh | None = None
    before: Refresh | None = None  # the newest that is over


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, and the next command."""

    why: str
    then: str


def room(scene: Scene, order: Order) -> tuple[int, str]:
    """How many new hosts may stand beside the old ones, and what allows no more.

    Below 1 none may come, and the words say why.
    """
    desired = scene.group.desired
    limits = [
        (order.at_once or usual(desired), "as many as come at once"),
        (scene.group.maximum - desired, f"{scene.group.name} may have {scene.group.maximum}"),
    ]
    if order.connections and order.connections_per_host:
        fit = order.connections // order.connections_per_host
        said = f"{order.connections} connections to the database are enough for {fit}"
        limits.append((fit - desired, said))
    return min(limits, key=lambda limit: limit[0])


def check(scene: Scene, order: Order) -> None:
    """Raises NotReady with every reason there is."""
    found = list(refusals(scene, order))
    if found:
        said = "".join(f"\n  - {one.why}\n    next: {one.then}" for one in found)
        raise NotReady(f"{scene.group.name} is not refreshed; nothing was done:{said}")


def refusals(scene: Scene, order: Order) -> Iterator[Refusal]:
    """Every reason against a refresh now."""
    yield from _under_way(scene)
    yield from _of_image(scene, order)
    yield from _of_group(scene)
    yield from _of_members(scene)
    yield from _of_alarms(scene)
    if scene.group.desired:
        yield from _of_room(scene, order)


def _under_way(scene: Scene) -> Iterator[Refusal]:
    refresh, name = scene.active, scene.group.name
    if refresh:
        what = f"to {refresh.image}" if refresh.image else "that scripts/refresh did not begin"
        yield Refusal(
            f"a refresh {what} is under way ({refresh.status}, {refresh.percentage} %)",
            f"scripts/refresh {name} --watch, or scripts/refresh {name} --cancel",
        )


def _of_image(scene: Scene, order: Order) -> Iterator[Refusal]:
    image, before = scene.image, scene.before
    if not image.usable or image.progress != VERIFIED:
        state = image.progress if image.state == "available" else image.state
        yield Refusal(
            f"the image {image.id} is {state}: only one that passed on fresh hosts is rolled out",
            "scripts/bake, which verifies it",
        )
    bad = (ROLLED_BACK, ROLLBACK_FAILED, FAILED)
    if before and before.image == image.id and before.status in bad and not order.again:
        yield Refusal(
            f"the last refresh to {image.id} ended {before.status}: {before.why or 'no reason'}",
            f"scripts/image rollback CHANNEL; or, if that was not the image's fault: "
            f"scripts/refresh {scene.group.name} --image {image.id} --again",
        )


def _of_group(scene: Scene) -> Iterator[Refusal]:
    group = scene.group
    if not group.desired:
        yield Refusal("it has no hosts", f"scripts/launch {group.name} --image {scene.image.id}")
    if group.floating:
        yield Refusal(
            "it launches from $Latest or $Default and not from a number: there would be nothing to "
            "roll back to",
            f"{UPDATE} {group.name} --launch-template "
            f"LaunchTemplateId={group.template},Version={group.version}",
        )
    if group.targets and not scene.asks_balancer:
        yield Refusal(
            "the load balancer's health checks do not count for it: AWS would replace every host "
            "with one that runs and serves nothing",
            f"{UPDATE} {group.name} --health-check-type ELB",
        )
    resting = [process for process in NEEDED if process in scene.suspended]
    if resting:
        yield Refusal(
            f"suspended: {', '.join(resting)}",
            f"aws autoscaling resume-processes --auto-scaling-group-name {group.name} "
            f"--scaling-processes {' '.join(resting)}",
        )


def _of_members(scene: Scene) -> Iterator[Refusal]:
    name = scene.group.name
    aside = [host.id for host in scene.fleet.hosts if host.aside]
    if aside:
        yield Refusal(
            f"in standby: {', '.join(aside)}",
            f"aws autoscaling exit-standby --auto-scaling-group-name {name} "
            f"--instance-ids {' '.join(aside)}",
        )
    if scene.protected:
        yield Refusal(
            f"protected from scale-in: {', '.join(scene.protected)}",
            f"aws autoscaling set-instance-protection --auto-scaling-group-name {name} "
            f"--no-protected-from-scale-in --instance-ids {' '.join(scene.protected)}",
        )


def _of_alarms(scene: Scene) -> Iterator[Refusal]:
    for alarm, state in scene.alarms.items():
        if state != "OK":
            yield Refusal(
                f"the alarm {alarm} is {state}, and must be OK",
                f"aws cloudwatch describe-alarms --alarm-names {alarm}",
            )


def _of_room(scene: Scene, order: Order) -> Iterator[Refusal]:
    spare, limit = room(scene, order)
    group = scene.group
    if spare < 1:
        then = f"{UPDATE} {group.name} --max-size {group.desired + 1}"
        if group.maximum > group.desired:
            then = "raise max_connections, or give each host fewer workers"
        yield Refusal(
            f"there is no room for a host before one goes: {limit}, and {group.desired} are there",
            then,
        )
