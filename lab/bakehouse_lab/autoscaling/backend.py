"""The records of Auto Scaling: moto's, in which calls write down wishes and the loop does the rest.

moto starts and ends instances within the call, in one subnet, from the template's default version,
and never asks about hooks, health or suspended processes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import ASG_NAME_TAG, AutoScalingBackend

from bakehouse_lab.autoscaling.model import (
    DETACHING,
    ENTERING_STANDBY,
    IN_SERVICE,
    LAUNCHING,
    PENDING,
    STANDBY,
    TERMINATING,
)
from bakehouse_lab.autoscaling.passage import leaves
from bakehouse_lab.autoscaling.records import (
    Activity,
    LabGroup,
    LifecycleAction,
    Membership,
    check_sizes,
    said_at,
)
from bakehouse_lab.autoscaling.refresh.model import STALL_SECONDS
from bakehouse_lab.autoscaling.warm_pool.model import WARMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The words are ours: that ForceDelete deletes the pool as well is AWS's.
HAS_WARM_POOL = (
    "You cannot delete an AutoScalingGroup while it has a warm pool. Delete the warm pool first "
    "(DeleteWarmPool), or set ForceDelete, which deletes it with its instances."
)


class _Groups(dict[str, LabGroup]):
    """Groups by name; one that is not there is the caller's mistake and not ours."""

    def __missing__(self, name: str) -> LabGroup:
        raise ValidationError(
            f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"
        )


class LabAutoScalingBackend(AutoScalingBackend):  # type: ignore[misc]  # moto ships no types
    """moto's backend, whose groups live. Hold the world's lock while you use it."""

    # moto finds the service's URLs beside its backend's module.
    __module__ = AutoScalingBackend.__module__

    def __init__(self, region_name: str, account_id: str) -> None:
        """Begin without records."""
        super().__init__(region_name, account_id)
        self.clock: Callable[[], float] = time.time
        self.stall_seconds = STALL_SECONDS
        self.autoscaling_groups: dict[str, LabGroup] = _Groups()
        self.ended: list[Activity] = []  # of groups that are no more

    # -- groups

    def create_auto_scaling_group(self, name: str, *args: Any, **wanted: Any) -> LabGroup:
        """Write the group down; its instances come when the loop looks."""
        if name in self.autoscaling_groups:
            raise AutoscalingClientError(
                "AlreadyExists",
                "AutoScalingGroup by this name already exists - A group with the name "
                f"{name} already exists",
            )
        low, high = int(wanted["min_size"] or 0), int(wanted["max_size"] or 0)
        asked = wanted["desired_capacity"]
        desired = low if asked is None else int(asked)
        check_sizes(low, desired, high)
        self._check_target_groups(wanted.get("target_group_arns") or [])
        grace = int(wanted.get("health_check_period") or 0)
        moto_group = super().create_auto_scaling_group(
            name, *args, **{**wanted, "desired_capacity": 0}
        )
        moto_group.health_check_grace_period = grace
        group = LabGroup.of(moto_group, desired)
        if desired:
            group.reason = (
                f"At {said_at(self.clock())} a user request created an AutoScalingGroup "
                f"changing the desired capacity from 0 to {desired}."
            )
        return group

    def delete_auto_scaling_group(self, group_name: str, force: bool = False) -> None:
        """An empty group goes at once; `force` ends its instances first, without draining."""
        group = self.autoscaling_groups[group_name]
        if group.instances and not force:
            raise AutoscalingClientError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending "
                "Spot instance request(s) still in the group.",
            )
        if group.warm_pool and not force:
            raise AutoscalingClientError("ResourceInUse", HAS_WARM_POOL)
        group.deleting, group.min_size, group.desired_capacity = True, 0, 0
        for member in group.instance_states:
            member.abrupt = True
        if not group.instance_states:
            self.drop(group)

    def drop(self, group: LabGroup) -> None:
        """Forget a group that has no instances, with its hooks; its activities stay."""
        del self.autoscaling_groups[group.name]
        for hook in self.describe_lifecycle_hooks(group.name):
            self.lifecycle_hooks.pop(f"{group.name}_{hook.name}", None)
        self.ended = group.activities + self.ended

    def set_desired_capacity(self, group_name: str, desired_capacity: int | None) -> None:
        """Write down what a user (or a policy) wants."""
        group = self.autoscaling_groups[group_name]
        desired = group.min_size if desired_capacity is None else int(desired_capacity)
        for wrong, word, limit in (
            (desired > group.max_size, "above max", group.max_size),
            (desired < group.min_size, "below min", group.min_size),
        ):
            if wrong:
                raise ValidationError(
                    f"New SetDesiredCapacity value {desired} is {word} value {limit} "
                    "for the AutoScalingGroup."
                )
        group.wish(desired, self.clock())

    def activities(self, name: str | None, deleted: bool = False) -> list[Activity]:
        """The activities of one group or of all, the newest first."""
        groups = [self.autoscaling_groups[name]] if name in self.autoscaling_groups else []
        if name is None:
            groups = list(self.autoscaling_groups.values())
        elif not groups and not deleted:
            groups = [self.autoscaling_groups[name]]  # raises
        found = [activity for group in groups for activity in group.activities]
        if deleted:
            found += [each for each in self.ended if name in (None, each.auto_scaling_group_name)]
        return sorted(found, key=lambda each: each.start_time, reverse=True)

    # -- target groups: the loop registers

    def update_attached_target_groups(self, group_name: str) -> None:
        """Left to the loop."""

    def attach_load_balancer_target_groups(
        self, group_name: str, target_group_arns: list[str]
    ) -> None:
        """Its instances are registered by the loop."""
        self._check_target_groups(target_group_arns)
        super().attach_load_balancer_target_groups(group_name, target_group_arns)

    def detach_load_balancer_target_groups(
        self, group_name: str, target_group_arns: list[str]
    ) -> None:
        """Its instances are deregistered, and drain."""
        super().detach_load_balancer_target_groups(group_name, target_group_arns)
        for member in self.autoscaling_groups[group_name].instance_states:
            member.registered -= set(target_group_arns)

    def _check_target_groups(self, arns: list[str]) -> None:
        for arn in arns:
            if arn not in self.elbv2_backend.target_groups:
                raise ValidationError(f"Target group '{arn}' not found")

    # -- instances

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """Left to the loop, which sees that they are gone."""

    def terminate_instance(self, instance_id: str, should_decrement: bool) -> Activity:
        """Take an instance out of service, as a user asked."""
        group, member = self._find(instance_id)
        if member.warmed:
            raise ValidationError(
                f"The instance {instance_id} is in the warm pool of {group.name}: this operation "
                "cannot be called on instances in a warm pool."
            )
        before = group.desired_capacity
        if should_decrement:
            if before <= group.min_size:
                raise _too_small(group)
            group.desired_capacity = before - 1
        change = f", shrinking the capacity from {before} to {before - 1}" * bool(should_decrement)
        cause = f"instance {instance_id} was taken out of service in response to a user request"
        return self.take_out(group, member, f"{cause}{change}.")

    def take_out(
        self, group: LabGroup, member: Membership, cause: str, because: str = ""
    ) -> Activity:
        """Begin to terminate an instance; its launch, if that is not over, is cancelled."""
        if leaves(member.lifecycle_state):
            return member.activity
        now, warmed = self.clock(), member.warmed
        member.activity.end(now, "Cancelled")
        member.lifecycle_state, member.waits = WARMED * warmed + TERMINATING, []
        member.activity = group.begin(
            f"Terminating EC2 instance{' from warm pool' * warmed}: {member.instance_id}",
            cause,
            now,
            because,
            **member.place,
        )
        return member.activity

    def attach_instances(self, group_name: str, instance_ids: list[str]) -> None:
        """Make running instances the group's; its desired capacity grows with them."""
        group, now = self.autoscaling_groups[group_name], self.clock()
        if group.desired_capacity + len(instance_ids) > group.max_size:
            raise ValidationError(
                f"AutoScalingGroup {group_name} has max-size={group.max_size}, "
                f"current-size={group.desired_capacity}: {len(instance_ids)} more would exceed it."
            )
        for instance in [self.ec2_backend.get_instance(name) for name in instance_ids]:
            if instance.state != "running" or any(True for _ in self._memberships(instance.id)):
                raise ValidationError(
                    f"Invalid Instance ID(s): [{instance.id}]: it must run, and be in no group"
                )
            group.desired_capacity += 1
            activity = group.begin(
                f"Attaching an existing EC2 instance: {instance.id}",
                f"an instance was attached in response to a user request, increasing the capacity "
                f"from {group.desired_capacity - 1} to {group.desired_capacity}.",
                now,
            )
            member = Membership(instance, group, None, activity)
            member.hooked = False
            instance.add_tags({ASG_NAME_TAG: group.name})
            group.instance_states.append(member)

    def detach_instances(
        self, group_name: str, instance_ids: list[str], should_decrement: bool
    ) -> list[Activity]:
        """Let instances go, alive; they drain first."""
        return self._step_aside(
            group_name,
            instance_ids,
            should_decrement,
            DETACHING,
            "Detaching EC2 instance",
            "detached",
        )

    def enter_standby_instances(
        self, group_name: str, instance_ids: list[str], should_decrement: bool
    ) -> list[Activity]:
        """Let instances rest: no traffic, no health checks."""
        return self._step_aside(
            group_name,
            instance_ids,
            should_decrement,
            ENTERING_STANDBY,
            "Moving EC2 instance to Standby",
            "moved to standby",
        )

    def _step_aside(
        self, name: str, ids: list[str], decrement: bool, lifecycle: str, what: str, done: str
    ) -> list[Activity]:
        group, now = self.autoscaling_groups[name], self.clock()
        members = [self._in_state(group, each, IN_SERVICE) for each in ids]
        if decrement and group.desired_capacity - len(members) < group.min_size:
            raise _too_small(group)
        activities = []
        for member in members:
            before = group.desired_capacity
            group.desired_capacity -= bool(decrement)
            change = f", shrinking the capacity from {before} to {before - 1}" * bool(decrement)
            cause = f"instance {member.instance_id} was {done} in response to a user request"
            member.lifecycle_state = lifecycle
            member.activity = group.begin(
                f"{what}: {member.instance_id}", f"{cause}{change}.", now, **member.place
            )
            activities.append(member.activity)
        return activities

    def exit_standby_instances(self, group_name: str, instance_ids: list[str]) -> list[Activity]:
        """Back to work: registered again, and then in service; the capacity grows with it."""
        group, now = self.autoscaling_groups[group_name], self.clock()
        members = [self._in_state(group, each, STANDBY) for each in instance_ids]
        if group.desired_capacity + len(members) > group.max_size:
            raise ValidationError(
                f"AutoScalingGroup {group_name} has max-size={group.max_size}: "
                f"{len(members)} more would exceed it."
            )
        for member in members:
            before = group.desired_capacity
            group.desired_capacity = before + 1
            member.lifecycle_state, member.hooked = PENDING, False
            member.health_status = "Healthy"
            member.activity = group.begin(
                f"Moving EC2 instance out of Standby: {member.instance_id}",
                f"instance {member.instance_id} was moved out of standby in response to a user "
                f"request, increasing the capacity from {before} to {before + 1}.",
                now,
                **member.place,
            )
        return [member.activity for member in members]

    def set_instance_protection(
        self, group_name: str, instance_ids: list[str], protected_from_scale_in: bool | None
    ) -> None:
        """Protect instances from scale in, or no longer; all of them or none."""
        group = self.autoscaling_groups[group_name]
        members = [self._in_state(group, each, IN_SERVICE, STANDBY) for each in instance_ids]
        for member in members:
            member.protected_from_scale_in = bool(protected_from_scale_in)

    def set_instance_health(
        self, instance_id: str, health_status: str, respect_grace: bool = True
    ) -> None:
        """Believe the user, but within the grace period only when told to."""
        group, member = self._find(instance_id)
        young = self.clock() < member.in_service + (group.health_check_grace_period or 0)
        if health_status == "Unhealthy" and respect_grace and young:
            return
        member.health_status = health_status
        member.cause = "an instance was taken out of service in response to a user health-check."

    def _memberships(self, instance_id: str) -> Iterator[tuple[LabGroup, Membership]]:
        for group in self.autoscaling_groups.values():
            if member := group.member(instance_id):
                yield group, member

    def _find(self, instance_id: str) -> tuple[LabGroup, Membership]:
        for found in self._memberships(instance_id):
            return found
        raise ValidationError(
            f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
        )

    def _in_state(self, group: LabGroup, instance_id: str, *states: str) -> Membership:
        member = group.member(instance_id)
        if member is None:
            raise ValidationError(
                f"The instance {instance_id} is not part of Auto Scaling group {group.name}."
            )
        if member.lifecycle_state not in states:
            raise ValidationError(
                f"The instance {instance_id} is not in {' or '.join(states)}: "
                f"it is {member.lifecycle_state}."
            )
        return member

    # -- lifecycle hooks

    def delete_lifecycle_hook(self, as_name: str, name: str) -> None:
        """What waits for it goes on: a launch is abandoned, an end is not held up."""
        hook = self.lifecycle_hooks.get(f"{as_name}_{name}")
        if hook is None:
            raise ValidationError(f"No Lifecycle Hook found with name: {name}")
        result = "ABANDON" if hook.lifecycle_transition == LAUNCHING else "CONTINUE"
        for _, action in self.autoscaling_groups[as_name].lifecycle_actions():
            if action.hook == name:
                action.result = result
        super().delete_lifecycle_hook(as_name, name)

    def lifecycle_action(
        self, group_name: str, hook: str, instance_id: str | None, token: str | None
    ) -> LifecycleAction:
        """The open action that a caller means, by token or by instance."""
        group = self.autoscaling_groups[group_name]
        for member, action in group.lifecycle_actions():
            meant = action.token == token if token else member.instance_id == instance_id
            if action.hook == hook and meant:
                return action
        which = f"token {token}" if token else f"instance ID {instance_id}"
        raise ValidationError(f"No active Lifecycle Action found with {which}")


def _too_small(group: LabGroup) -> ValidationError:
    return ValidationError(
        f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without "
        "replacement will violate group's min size constraint. Either set "
        "shouldDecrementDesiredCapacity flag to false or lower group's min size."
    )
