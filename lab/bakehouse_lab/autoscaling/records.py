"""What the lab writes down of a group and its instances, beyond moto's records."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState

from bakehouse_lab.autoscaling.model import PENDING, Wait
from bakehouse_lab.autoscaling.warm_pool.model import EC2, WARMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse_lab.autoscaling.refresh.records import RefreshRecord
    from bakehouse_lab.autoscaling.warm_pool.model import Pool

# AWS ends every lifecycle action after this, whatever its heartbeats say.
GLOBAL_TIMEOUT_SECONDS = 172800

# The first wait after a launch that failed, and the longest; it doubles in between.
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 60.0


def said_at(now: float) -> str:
    """A point in time as activities word it.

    >>> said_at(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Activity:
    """One scaling activity, named as the API names its parts."""

    auto_scaling_group_name: str
    auto_scaling_group_arn: str
    description: str
    cause: str
    start_time: datetime
    status_code: str = "InProgress"
    status_message: str | None = None
    progress: int = 0
    end_time: datetime | None = None
    details: str = "{}"
    activity_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def move(self, status: str, progress: int) -> None:
        """It is under way still."""
        self.status_code, self.progress = status, progress

    def end(self, now: float, status: str = "Successful", message: str | None = None) -> None:
        """It has ended; what ended before stays as it ended."""
        if self.end_time is None:
            self.end_time = _time(now)
            self.status_code, self.status_message, self.progress = status, message, 100


@dataclass(slots=True)
class LifecycleAction:
    """A hook that an instance waits for."""

    hook: str
    timeout: float
    default_result: str
    began: float
    heard: float  # the last heartbeat
    result: str | None = None
    token: str = field(default_factory=lambda: str(uuid.uuid4()))

    def wait(self) -> Wait:
        """As `decide` sees it."""
        last = self.began + min(GLOBAL_TIMEOUT_SECONDS, 100 * self.timeout)
        deadline = min(self.heard + self.timeout, last)
        return Wait(self.hook, deadline, self.default_result, self.result)


class Membership(InstanceState):  # type: ignore[misc]  # moto ships no types
    """An instance of a group."""

    def __init__(self, instance: Any, group: Any, version: Any, activity: Activity) -> None:
        """A new one, Pending; `version` is the launch template's that it was started from."""
        instance.autoscaling_group = group
        super().__init__(
            instance,
            lifecycle_state=PENDING,
            protected_from_scale_in=bool(group.new_instances_protected_from_scale_in),
        )
        self.version = version
        self.activity = activity
        self.launched = activity.start_time.timestamp()
        self.in_service = 0.0
        self.cause = ""
        self.hooked = True
        self.origin = EC2
        self.abrupt = False
        self.refresh = ""  # the id of the instance refresh that it was started by
        self.waits: list[LifecycleAction] = []
        self.registered: set[str] = set()

    @property
    def warmed(self) -> bool:
        """In the warm pool, on its way into it, or ended there."""
        return bool(self.lifecycle_state.startswith(WARMED))

    @property
    def place(self) -> dict[str, str]:
        """Where it is, as the details of an activity say it."""
        return {
            "Subnet_ID": self.instance.subnet_id or "",
            "Availability_Zone": self.availability_zone or "",
        }

    @property
    def launch_template(self) -> dict[str, str] | None:
        """The template and the version that it was started from, and not the default one."""
        if self.version is None:
            return None
        template = self.version.template
        return {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "Version": str(self.version.number),
        }

    @property
    def launch_configuration_name(self) -> str | None:
        """Only where it was started from one."""
        name: str | None = getattr(self.auto_scaling_group, "launch_configuration_name", None)
        return name if self.version is None else None

    @property
    def image_id(self) -> str:
        """The AMI that it runs."""
        image: str = self.instance.image_id
        return image


class LabGroup(FakeAutoScalingGroup):  # type: ignore[misc]  # moto ships no types
    """moto's group, in which a call writes down a wish and starts nothing."""

    activities: list[Activity]
    reason: str  # what the user asked for, as long as the capacity differs from it
    replacing: int  # launches owed for instances that failed a health check
    renewing: int  # launches owed for instances that a refresh ended
    refreshes: list[RefreshRecord]  # the newest first
    instance_maintenance_policy: dict[str, int] | None
    warm_pool: Pool | None
    failures: int  # launches that failed in a row
    retry_at: float
    deleting: bool
    default_instance_warmup: int | None
    mixed_instances_policy: dict[str, Any] | None
    launch_config: Any

    @classmethod
    def of(cls, group: Any, desired: int) -> LabGroup:
        """moto's new group, which must have no instances, made one of ours."""
        group.__class__ = cls
        group.activities, group.reason = [], ""
        group.replacing, group.failures, group.retry_at = 0, 0, 0.0
        group.renewing, group.refreshes, group.instance_maintenance_policy = 0, [], None
        group.deleting = False
        group.default_instance_warmup = None
        group.desired_capacity = desired
        made: LabGroup = group
        return made

    @property
    def status(self) -> str | None:
        """Only shown while the group is being deleted."""
        return "Delete in progress" if self.deleting else None

    @property
    def instances(self) -> list[Membership]:
        """Those that a description of the group shows: not the warm pool's."""
        return [each for each in self.instance_states if not each.warmed]

    @property
    def warm(self) -> list[Membership]:
        """The warm pool's."""
        return [each for each in self.instance_states if each.warmed]

    @property
    def warm_pool_configuration(self) -> dict[str, Any] | None:
        """The warm pool as descriptions show it."""
        return self.warm_pool.shown() if self.warm_pool else None

    @property
    def warm_pool_size(self) -> int | None:
        """How many are in the warm pool; None without one."""
        return len(self.warm) if self.warm_pool else None

    @property
    def refresh(self) -> RefreshRecord | None:
        """The instance refresh under way; there is never more than one."""
        return next((each for each in self.refreshes if each.active), None)

    @property
    def version(self) -> Any:
        """The launch template's version that the group names; None without."""
        if self.ec2_launch_template is None:
            return None
        return self.ec2_launch_template.get_version(self.launch_template_version)

    @property
    def next_version(self) -> Any:
        """The version that the next instance is started from: a refresh may want another one."""
        refresh = self.refresh
        wanted = refresh.version if refresh and refresh.forward else None
        return wanted or self.version

    @property
    def warmup(self) -> int:
        """How long a new instance takes until it counts, unless a refresh says otherwise."""
        warmup: int | None = self.default_instance_warmup
        return (self.health_check_grace_period or 0) if warmup is None else warmup

    @property
    def maintenance(self) -> tuple[int, int] | None:
        """The percentages of the instance maintenance policy, if there is one."""
        policy = self.instance_maintenance_policy
        if policy is None:
            return None
        return policy["MinHealthyPercentage"], policy["MaxHealthyPercentage"]

    def adopt(self, launch_template: Mapping[str, Any]) -> None:
        """Name what a refresh has brought, in its words."""
        if self.launch_config is not None:
            self.launch_config = None
            del self.launch_configuration_name
        self._set_launch_configuration(None, dict(launch_template), None)

    def update(self, **wanted: Any) -> None:
        """Take what is given; a desired capacity that is not given is kept within the limits."""
        low = self.min_size if wanted["min_size"] is None else wanted["min_size"]
        high = self.max_size if wanted["max_size"] is None else wanted["max_size"]
        before, desired = self.desired_capacity, wanted["desired_capacity"]
        if desired is None:
            desired = max(low, min(high, before))
        check_sizes(low, desired, high)
        kept: Any = self.mixed_instances_policy
        super().update(**{**wanted, "desired_capacity": desired})
        self.mixed_instances_policy = wanted["mixed_instances_policy"] or kept
        if desired != before:
            now = said_at(self.autoscaling_backend.clock())
            self.reason = (
                f"At {now} a user request update of AutoScalingGroup constraints to "
                f"min: {low}, max: {high}, desired: {desired} "
                f"changing the desired capacity from {before} to {desired}."
            )

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        """Write it down; the loop starts and ends instances."""
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity

    def wish(self, desired: int, now: float) -> None:
        """A user asked for another capacity."""
        if desired != self.desired_capacity:
            self.reason = (
                f"At {said_at(now)} a user request explicitly set group desired capacity "
                f"changing the desired capacity from {self.desired_capacity} to {desired}."
            )
            self.desired_capacity = desired

    def begin(
        self, description: str, cause: str, now: float, because: str = "", **details: str
    ) -> Activity:
        """Write down an activity that begins now; `because` is what led to it before."""
        words = {name.replace("_", " "): value for name, value in details.items() if value}
        activity = Activity(
            self.name,
            self.arn,
            description,
            "  ".join(part for part in (because, f"At {said_at(now)} {cause}") if part),
            _time(now),
            details=json.dumps(words),
        )
        self.activities.insert(0, activity)
        return activity

    def launch_failed(self, now: float) -> None:
        """Wait before the next launch, longer each time."""
        self.retry_at = now + min(RETRY_SECONDS * 2**self.failures, LONGEST_RETRY_SECONDS)
        self.failures += 1

    def member(self, instance_id: str) -> Membership | None:
        """The membership of an instance."""
        return next(
            (each for each in self.instance_states if each.instance_id == instance_id), None
        )

    def lifecycle_actions(self) -> Iterator[tuple[Membership, LifecycleAction]]:
        """The hooks that any instance waits for and that nobody has completed."""
        for member in self.instance_states:
            for action in member.waits:
                if action.result is None:
                    yield member, action


def check_sizes(low: int, desired: int, high: int) -> None:
    """Raises ValidationError unless low <= desired <= high."""
    if low > high:
        raise ValidationError(
            f"Max bound, {high}, must be greater than or equal to min bound, {low}"
        )
    if not low <= desired <= high:
        raise ValidationError(
            f"Desired capacity:{desired} must be between the specified min size:{low} "
            f"and max size:{high}"
        )


def _time(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
