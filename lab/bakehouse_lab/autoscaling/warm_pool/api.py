"""PutWarmPool, DescribeWarmPool, DeleteWarmPool."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import (
    AutoscalingClientError,
    ResourceContentionError,
    ValidationError,
)
from moto.core.responses import ActionResult, EmptyResult

from bakehouse_lab.autoscaling.warm_pool.model import STEADY, Pool

if TYPE_CHECKING:
    from bakehouse_lab.autoscaling.records import LabGroup

# The most instances that one call describes.
PAGE = 50

# AWS has it too. The lab cannot, and says so, where a pool that is only stopped would be a lie.
CANNOT_HIBERNATE = (
    "The lab cannot hibernate: the memory of a container does not outlive it. Use the PoolState "
    "Stopped or Running."
)
# AWS's own words, as others recorded them; since November 2025 AWS takes mixed instances.
NO_SPOT = (
    "You can't add a warm pool to an Auto Scaling group that has a mixed instances policy or a "
    "launch template or launch configuration that requests Spot Instances."
)
# The codes are the API's, the words ours. The user guide: "If there are instances in the warm pool,
# or if scaling activities are in progress, use the delete-warm-pool command with [...]".
IN_USE = (
    "You cannot delete a warm pool while there are instances in it. Let it become empty, or set "
    "ForceDelete."
)
IN_PROGRESS = (
    "You cannot delete a warm pool while there are scaling activities in progress for it. Wait for "
    "their end, or set ForceDelete."
)
REFRESHES = "An instance refresh of the group is in progress. Wait for its end, or cancel it."


def put_warm_pool(self: Any) -> Any:
    """Make a pool, or change one: what is not given stays as it is.

    Instances that are in the pool stay as they are, whatever state new ones are to wait in (AWS
    does not say).
    """
    group = _group(self)
    _check(group)
    group.warm_pool = _wanted(self, group.warm_pool or Pool())
    return EmptyResult()


def _check(group: LabGroup) -> None:
    if group.refresh:
        raise AutoscalingClientError("InstanceRefreshInProgress", REFRESHES)
    if group.deleting:
        raise ValidationError(f"The Auto Scaling group {group.name} is pending delete.")
    if group.warm_pool and group.warm_pool.deleting:
        raise ResourceContentionError
    asked = group.version.data if group.version else {}
    if group.mixed_instances_policy or asked.get("InstanceMarketOptions"):
        raise ValidationError(NO_SPOT)


def _wanted(self: Any, pool: Pool) -> Pool:
    state = self._get_param("PoolState") or pool.state
    if state == "Hibernated":
        raise ValidationError(CANNOT_HIBERNATE)
    if state not in ("Stopped", "Running"):
        raise _invalid("poolState", state, "enum value set: [Hibernated, Stopped, Running]")
    minimum = _or(_number(self, "MinSize", 0), pool.minimum)
    prepared = _or(_number(self, "MaxGroupPreparedCapacity", -1), pool.prepared)
    policy = self._get_param("InstanceReusePolicy")
    reuse = pool.reuse if policy is None else _true(policy.get("ReuseOnScaleIn"))
    return Pool(state, minimum or 0, None if prepared == -1 else prepared, reuse)


def _number(self: Any, name: str, least: int) -> int | None:
    number: int | None = self._get_int_param(name)
    if number is not None and number < least:
        wrong = name[0].lower() + name[1:]
        raise _invalid(wrong, number, f"value greater than or equal to {least}", "have")
    return number


def _invalid(name: str, value: object, wanted: str, must: str = "satisfy") -> ValidationError:
    return ValidationError(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must {must} {wanted}"
    )


def _or(said: int | None, kept: int | None) -> int | None:
    return kept if said is None else said


def _true(said: Any) -> bool:
    return str(said).lower() == "true"


def describe_warm_pool(self: Any) -> Any:
    """The pool and its instances; without a pool nothing, which is no error."""
    group = _group(self)
    token = self._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise AutoscalingClientError("InvalidNextToken", f"The NextToken value {token} is wrong.")
    start = int(token)
    end = start + min(self._get_int_param("MaxRecords", PAGE), PAGE)
    return ActionResult(
        {
            "WarmPoolConfiguration": group.warm_pool_configuration,
            "Instances": group.warm[start:end],
            "NextToken": str(end) if len(group.warm) > end else None,
        }
    )


def delete_warm_pool(self: Any) -> Any:
    """An empty pool goes at once; ForceDelete ends its instances, without their hooks."""
    group = _group(self)
    if group.warm_pool is None:
        raise ValidationError(f"No warm pool found for Auto Scaling group {group.name}.")
    if self._get_bool_param("ForceDelete", False):
        group.warm_pool = replace(group.warm_pool, deleting=True)
        for member in group.warm:
            member.abrupt, member.waits = True, []
    elif any(each.lifecycle_state not in STEADY for each in group.warm):
        raise AutoscalingClientError("ScalingActivityInProgress", IN_PROGRESS)
    elif group.warm:
        raise AutoscalingClientError("ResourceInUse", IN_USE)
    else:
        group.warm_pool = None
    return EmptyResult()


def _group(self: Any) -> LabGroup:
    group: LabGroup = self.autoscaling_backend.autoscaling_groups[
        self._get_param("AutoScalingGroupName")
    ]
    return group


ACTIONS = (put_warm_pool, describe_warm_pool, delete_warm_pool)
