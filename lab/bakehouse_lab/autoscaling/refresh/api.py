"""StartInstanceRefresh, DescribeInstanceRefreshes, Cancel- and RollbackInstanceRefresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.core.responses import ActionResult

from bakehouse_lab.autoscaling.refresh import checks, model, preferences, reasons
from bakehouse_lab.autoscaling.refresh.act import Clerk, alarm_states
from bakehouse_lab.autoscaling.refresh.records import KEPT_SECONDS, RefreshRecord

if TYPE_CHECKING:
    from bakehouse_lab.autoscaling.records import LabGroup


def start_instance_refresh(self: Any) -> Any:
    """Write down that instances are to be replaced; the group itself is not changed."""
    backend, group = self.autoscaling_backend, _group(self)
    desired = self._get_param("DesiredConfiguration") or None
    checks.check_start(group, self._get_param("Strategy"), desired)
    said = self._get_param("Preferences") or {}
    wanted = preferences.read(said, group.warmup, group.instance_maintenance_policy or {})
    version = checks.find_version(group, desired)
    checks.check_preferences(group, wanted, desired)
    checks.check_alarms(wanted, alarm_states(backend, wanted.alarms))
    record = RefreshRecord(group.name, wanted, desired, version, backend.clock())
    group.refreshes.insert(0, record)
    return ActionResult({"InstanceRefreshId": record.id})


def describe_instance_refreshes(self: Any) -> Any:
    """The refreshes of the last six weeks, the newest first."""
    group, now = _group(self), self.autoscaling_backend.clock()
    found = [each for each in group.refreshes if each.active or each.asked > now - KEPT_SECONDS]
    if ids := self._get_param("InstanceRefreshIds", []):
        found = [each for each in found if each.id in ids]
    token = self._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise AutoscalingClientError("InvalidNextToken", f"The NextToken value {token} is wrong.")
    start = int(token)
    end = start + min(self._get_int_param("MaxRecords", 50), 100)
    shown = [each.shown() for each in found[start:end]]
    return ActionResult(
        {"InstanceRefreshes": shown, "NextToken": str(end) if len(found) > end else None}
    )


def cancel_instance_refresh(self: Any) -> Any:
    """End a refresh, or a rollback, where it is; what was replaced stays replaced."""
    record = _active(_group(self), model.ACTIVE)
    record.status = model.CANCELLING
    record.settles = self._get_bool_param("WaitForTransitioningInstances", True)
    return ActionResult({"InstanceRefreshId": record.id})


def rollback_instance_refresh(self: Any) -> Any:
    """Put back what a refresh has replaced."""
    group = _group(self)
    record = _active(group, model.FORWARD)
    if why := checks.irreversible(group, record.desired):
        raise AutoscalingClientError(
            "IrreversibleInstanceRefresh",
            f"The instance refresh cannot be rolled back: {why}",
        )
    Clerk(self.autoscaling_backend, group, record).roll_back(reasons.ROLLBACK_ASKED)
    return ActionResult({"InstanceRefreshId": record.id})


def _group(self: Any) -> LabGroup:
    group: LabGroup = self.autoscaling_backend.autoscaling_groups[
        self._get_param("AutoScalingGroupName")
    ]
    return group


def _active(group: LabGroup, statuses: frozenset[str]) -> RefreshRecord:
    if group.refresh is None or group.refresh.status not in statuses:
        raise AutoscalingClientError(
            "ActiveInstanceRefreshNotFound", checks.NOT_FOUND.format(group.name)
        )
    return group.refresh


ACTIONS = (
    start_instance_refresh,
    describe_instance_refreshes,
    cancel_instance_refresh,
    rollback_instance_refresh,
)
