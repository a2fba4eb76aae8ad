"""The actions that moto's Auto Scaling API lacks, or answers without reading what was asked."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from bakehouse_lab.autoscaling.model import ENDING, LAUNCHING
from bakehouse_lab.autoscaling.records import GLOBAL_TIMEOUT_SECONDS
from bakehouse_lab.autoscaling.refresh import api as refresh
from bakehouse_lab.autoscaling.refresh.checks import check_update
from bakehouse_lab.autoscaling.refresh.preferences import maintenance_policy
from bakehouse_lab.autoscaling.warm_pool import api as warm_pool

RESULTS = ("CONTINUE", "ABANDON")

# What a desired configuration of an instance refresh decides.
CONFIGURATION = ("LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy")

_moto_create = AutoScalingResponse.create_auto_scaling_group
_moto_update = AutoScalingResponse.update_auto_scaling_group


def create_auto_scaling_group(self: Any) -> Any:
    """With the hooks, the warm-up and the maintenance policy that moto drops."""
    policy = maintenance_policy(self._get_param("InstanceMaintenancePolicy"))
    result = _moto_create(self)
    name = self._get_param("AutoScalingGroupName")
    group = self.autoscaling_backend.autoscaling_groups[name]
    _take_warmup(self, group)
    group.instance_maintenance_policy = policy
    for said in self._get_param("LifecycleHookSpecificationList", []):
        _put_hook(self.autoscaling_backend, name, said)
    return result


def update_auto_scaling_group(self: Any) -> Any:
    """With the settings that moto does not update."""
    name = self._get_param("AutoScalingGroupName")
    group = self.autoscaling_backend.autoscaling_groups[name]
    check_update(group, [each for each in CONFIGURATION if self._get_param(each)])
    said = self._get_param("InstanceMaintenancePolicy")
    policy = maintenance_policy(said)
    result = _moto_update(self)
    _take_warmup(self, group)
    if said:
        group.instance_maintenance_policy = policy
    if policies := self._get_param("TerminationPolicies"):
        group.termination_policies = policies
    if (cooldown := self._get_int_param("DefaultCooldown")) is not None:
        group.default_cooldown = cooldown
    return result


def _take_warmup(self: Any, group: Any) -> None:
    if (warmup := self._get_int_param("DefaultInstanceWarmup")) is not None:
        group.default_instance_warmup = warmup if warmup >= 0 else None


def delete_auto_scaling_group(self: Any) -> Any:
    """With ForceDelete, without which a group that has instances stays."""
    self.autoscaling_backend.delete_auto_scaling_group(
        self._get_param("AutoScalingGroupName"), self._get_bool_param("ForceDelete", False)
    )
    return EmptyResult()


def describe_auto_scaling_instances(self: Any) -> Any:
    """This action alone says HEALTHY where others say Healthy."""
    members = self.autoscaling_backend.describe_auto_scaling_instances(
        instance_ids=self._get_param("InstanceIds", [])
    )
    return ActionResult({"AutoScalingInstances": [_instance(each) for each in members]})


def _instance(member: Any) -> dict[str, Any]:
    return {
        "InstanceId": member.instance_id,
        "InstanceType": member.instance_type,
        "AutoScalingGroupName": member.auto_scaling_group_name,
        "AvailabilityZone": member.availability_zone,
        "LifecycleState": member.lifecycle_state,
        "HealthStatus": member.health_status.upper(),
        "LaunchConfigurationName": member.launch_configuration_name,
        "LaunchTemplate": member.launch_template,
        "ImageId": member.image_id,
        "ProtectedFromScaleIn": bool(member.protected_from_scale_in),
    }


def describe_scaling_activities(self: Any) -> Any:
    """What the groups did and why, the newest first; moto says that they did nothing."""
    found = self.autoscaling_backend.activities(
        self._get_param("AutoScalingGroupName"),
        self._get_bool_param("IncludeDeletedGroups", False),
    )
    if ids := self._get_param("ActivityIds", []):
        found = [each for each in found if each.activity_id in ids]
    start = int(self._get_param("NextToken") or 0)
    end = start + min(self._get_int_param("MaxRecords", 100), 100)
    return ActionResult(
        {"Activities": found[start:end], "NextToken": str(end) if len(found) > end else None}
    )


def set_instance_health(self: Any) -> Any:
    """With the grace period, which moto does not ask about."""
    status = self._get_param("HealthStatus")
    if status not in ("Healthy", "Unhealthy"):
        raise ValidationError("Valid instance health states are: [Healthy, Unhealthy].")
    self.autoscaling_backend.set_instance_health(
        self._get_param("InstanceId"),
        status,
        self._get_bool_param("ShouldRespectGracePeriod", True),
    )
    return EmptyResult()


def put_lifecycle_hook(self: Any) -> Any:
    """With the role, target and metadata that are given, where moto shows invented ones."""
    name = self._get_param("AutoScalingGroupName")
    parts = (
        "LifecycleHookName",
        "LifecycleTransition",
        "HeartbeatTimeout",
        "DefaultResult",
        "RoleARN",
        "NotificationTargetARN",
        "NotificationMetadata",
    )
    _put_hook(self.autoscaling_backend, name, {part: self._get_param(part) for part in parts})
    return EmptyResult()


def _put_hook(backend: Any, group: str, said: dict[str, Any]) -> None:
    backend.autoscaling_groups[group]  # raises when there is none
    name, result = said["LifecycleHookName"], said.get("DefaultResult") or "ABANDON"
    known = backend.lifecycle_hooks.get(f"{group}_{name}")
    transition = said.get("LifecycleTransition") or (known and known.lifecycle_transition)
    timeout = int(said.get("HeartbeatTimeout") or 3600)
    for value, allowed, what in (
        (transition, (LAUNCHING, ENDING), "Lifecycle Transition"),
        (result, RESULTS, "Lifecycle Action Result"),
    ):
        if value not in allowed:
            raise ValidationError(f"{what} must be one of {', '.join(allowed)}, not {value}")
    if not 30 <= timeout <= 7200:
        raise ValidationError(
            f"Invalid Heartbeat Timeout: must be between 30 and 7200 seconds, not {timeout}"
        )
    hook = backend.create_lifecycle_hook(name, group, transition, timeout, result)
    hook.lifecycle_hook_name = name
    hook.role_arn = said.get("RoleARN")
    hook.notification_target_arn = said.get("NotificationTargetARN")
    hook.notification_metadata = said.get("NotificationMetadata")
    hook.global_timeout = min(GLOBAL_TIMEOUT_SECONDS, 100 * timeout)


def complete_lifecycle_action(self: Any) -> Any:
    """The host (or a person) is done with what the hook is for."""
    result = self._get_param("LifecycleActionResult")
    if result not in RESULTS:
        raise ValidationError(f"Lifecycle Action Result must be one of {', '.join(RESULTS)}")
    _action(self).result = result
    return EmptyResult()


def record_lifecycle_action_heartbeat(self: Any) -> Any:
    """It takes longer: the timeout starts anew."""
    _action(self).heard = self.autoscaling_backend.clock()
    return EmptyResult()


def _action(self: Any) -> Any:
    return self.autoscaling_backend.lifecycle_action(
        self._get_param("AutoScalingGroupName"),
        self._get_param("LifecycleHookName"),
        self._get_param("InstanceId"),
        self._get_param("LifecycleActionToken"),
    )


def describe_lifecycle_hook_types(self: Any) -> Any:
    """The two there are."""
    return ActionResult({"LifecycleHookTypes": [LAUNCHING, ENDING]})


ACTIONS = (
    create_auto_scaling_group,
    update_auto_scaling_group,
    delete_auto_scaling_group,
    describe_auto_scaling_instances,
    describe_scaling_activities,
    set_instance_health,
    put_lifecycle_hook,
    complete_lifecycle_action,
    record_lifecycle_action_heartbeat,
    describe_lifecycle_hook_types,
    *refresh.ACTIONS,
    *warm_pool.ACTIONS,
)


def extend() -> None:
    """Give moto's response class the actions; called once."""
    for action in ACTIONS:
        setattr(AutoScalingResponse, action.__name__, action)
