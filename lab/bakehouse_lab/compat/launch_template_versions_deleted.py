"""A launch template's version can be deleted; its number is never given again."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend
from moto.ec2.responses.launch_templates import LaunchTemplates

NAME = "DeleteLaunchTemplateVersions does not exist"

ABSENT = "launchTemplateVersionDoesNotExist"
MOST = 10_000  # versions of a launch template: AWS's quota
DEFAULT = "Cannot delete default version of launch template"


def mend() -> None:
    """Add it: deleted versions keep their place in moto's list, where a number is an index."""
    moto_get, moto_describe = (
        LaunchTemplate.get_version,
        LaunchTemplateBackend.describe_launch_template_versions,
    )

    def get_version(self: Any, number: Any) -> Any:
        if str(number).lower() == "$latest":
            return self.latest_version()
        found = moto_get(self, number)
        if _deleted(found):
            raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=number)
        return found

    def latest_version(self: Any) -> Any:
        return [each for each in self.versions if not _deleted(each)][-1]

    def describe(self: Any, **wanted: Any) -> Any:
        most = wanted.pop("max_results")
        found = moto_describe(self, **wanted, max_results=MOST)
        return [(template, each) for template, each in found if not _deleted(each)][:most]

    LaunchTemplate.get_version = get_version
    LaunchTemplate.latest_version = latest_version
    LaunchTemplateBackend.describe_launch_template_versions = describe
    LaunchTemplates.delete_launch_template_versions = delete_launch_template_versions


def delete_launch_template_versions(self: Any) -> ActionResult:
    """Delete what can be, and say of the rest why not, as AWS does."""
    name, id = self._get_param("LaunchTemplateName"), self._get_param("LaunchTemplateId")
    backend = self.ec2_backend
    template = backend.get_launch_template(id) if id else backend.get_launch_template_by_name(name)
    self.error_on_dryrun()
    done, failed = [], []
    for number in self._get_param("Versions", []):
        said = {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "VersionNumber": int(number),
        }
        why = _delete(template, number)
        if why:
            failed.append({**said, "ResponseError": {"Code": why[0], "Message": why[1]}})
        else:
            done.append(said)
    return ActionResult(
        {
            "SuccessfullyDeletedLaunchTemplateVersions": done,
            "UnsuccessfullyDeletedLaunchTemplateVersions": failed,
        }
    )


def _delete(template: Any, number: str) -> tuple[str, str] | None:
    """Code and words of what is against it; None when it is done."""
    try:
        version = template.get_version(number)
    except InvalidLaunchTemplateVersionNotFound as missing:
        return ABSENT, missing.message
    if template.is_default(version):
        return "unexpectedError", DEFAULT
    version.deleted = True
    return None


def _deleted(version: Any) -> bool:
    return getattr(version, "deleted", False)
