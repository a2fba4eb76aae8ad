"""Whether a refresh may begin, and whether it can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.core.exceptions import ServiceException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bakehouse_lab.autoscaling.records import LabGroup
    from bakehouse_lab.autoscaling.refresh.model import Preferences

# AWS's own words, from recorded answers and from its user guide.
IN_PROGRESS = (
    "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh."
)
NOTHING_TO_GO_BACK_TO = (
    "The request isn't valid. The AutoRollback parameter cannot be set to true when the "
    "DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired "
    "configuration and try again."
)
UPDATE_REFUSED = (
    "An active instance refresh with a desired configuration exists. All configuration options "
    "derived from the desired configuration are not available for update while the instance "
    "refresh is active."
)
NOT_FOUND = "No in progress or pending Instance Refresh found for Auto Scaling group {}."


def check_start(group: LabGroup, strategy: str | None, desired: Mapping[str, Any] | None) -> None:
    """Raises unless a refresh of this group may begin."""
    if group.refresh:
        raise AutoscalingClientError("InstanceRefreshInProgress", IN_PROGRESS)
    if group.deleting:
        raise ValidationError(f"The Auto Scaling group {group.name} is pending delete.")
    if strategy == "ReplaceRootVolume":
        raise ValidationError(
            "The request isn't valid. The ReplaceRootVolume strategy needs a mixed instances "
            "policy with an ImageId override, and a group without load balancer and warm pool."
        )
    if strategy not in (None, "Rolling"):
        raise ValidationError(
            f"1 validation error detected: Value '{strategy}' at 'strategy' failed to satisfy "
            "constraint: Member must satisfy enum value set: [Rolling, ReplaceRootVolume]"
        )
    if desired is not None and "LaunchTemplate" not in desired:
        raise NotImplementedError("groups of the lab have no mixed instances")


def check_update(group: LabGroup, configuration: Sequence[str]) -> None:
    """Raises when a caller updates what a refresh under way decides."""
    if configuration and group.refresh and group.refresh.desired:
        raise ValidationError(UPDATE_REFUSED)


def find_version(group: LabGroup, desired: Mapping[str, Any] | None) -> Any:
    """The launch template's version that is meant, or None without a desired configuration.

    Raises ValidationError when there is none.
    """
    if desired is None:
        return None
    said = desired["LaunchTemplate"]
    name, id = said.get("LaunchTemplateName"), said.get("LaunchTemplateId")
    if bool(name) == bool(id):
        raise ValidationError(
            "Valid requests must contain either launchTemplateId or LaunchTemplateName"
        )
    ec2 = group.ec2_backend
    try:
        template = ec2.get_launch_template(id) if id else ec2.get_launch_template_by_name(name)
        return template.get_version(said.get("Version") or "$Default")
    except (ServiceException, ValueError) as missing:
        why = getattr(missing, "message", None) or f"there is no version {said.get('Version')}"
        raise ValidationError(f"You must use a valid launch template. {why}") from missing


def check_preferences(
    group: LabGroup, wanted: Preferences, desired: Mapping[str, Any] | None
) -> None:
    """Raises ValidationError when the group cannot do what is asked."""
    if wanted.auto_rollback and desired is None:
        raise ValidationError(NOTHING_TO_GO_BACK_TO)
    if wanted.auto_rollback and (why := irreversible(group, desired)):
        raise ValidationError(
            f"The request isn't valid. The AutoRollback parameter cannot be set to true: {why}"
        )
    if wanted.skip_matching and desired is None and group.version is None:
        raise ValidationError(
            "The request isn't valid. The SkipMatching parameter cannot be set to true for an "
            "Auto Scaling group that uses a launch configuration."
        )


def check_alarms(wanted: Preferences, states: Mapping[str, str]) -> None:
    """Raises ValidationError unless every alarm is in the OK state."""
    wrong = [f"{name} is {states[name]}" for name in wanted.alarms if states[name] != "OK"]
    if wrong:
        raise ValidationError(
            "The request isn't valid. To start an instance refresh, all alarms of its "
            f"AlarmSpecification must exist and be in the OK state: {', '.join(wrong)}."
        )


def irreversible(group: LabGroup, desired: Mapping[str, Any] | None) -> str | None:
    """Why a refresh of this group could not be rolled back; None when it can."""
    if desired is None:
        return "no desired configuration was specified for the instance refresh."
    version = group.version
    if version is None or not str(group.launch_template_version).isdecimal():
        return (
            "the Auto Scaling group must use a launch template with a numeric version, and not "
            "$Latest or $Default."
        )
    if str(version.image_id).startswith("resolve:ssm:"):
        return (
            "the launch template of the Auto Scaling group uses an AWS Systems Manager parameter "
            "instead of an AMI ID."
        )
    return None
