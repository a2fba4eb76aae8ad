"""A launch template's new version must be made from another one, and be fit to launch from."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

NAME = (
    "CreateLaunchTemplateVersion does not read SourceVersion, and leaves user data that "
    "nothing can be launched with"
)


def mend() -> None:
    """Merge with the source version, top level by top level as AWS does; wrap the user data."""
    moto_respond = LaunchTemplates.create_launch_template_version
    moto_create = LaunchTemplate.create_version

    def create_launch_template_version(self: Any) -> ActionResult:
        source = self._get_param("SourceVersion")
        template = _template(self)
        base = dict(template.get_version(source).data) if source and template else {}
        said = self._get_param("LaunchTemplateData", {})
        self.params["LaunchTemplateData"] = {**base, **said}
        return moto_respond(self)

    def create_version(self: Any, data: dict[str, Any], description: str) -> Any:
        user_data = data.get("UserData")
        if user_data is not None and not isinstance(user_data, Base64EncodedString):
            data["UserData"] = parse_user_data(user_data)
        return moto_create(self, data, description)

    LaunchTemplates.create_launch_template_version = create_launch_template_version
    LaunchTemplate.create_version = create_version


def _template(response: Any) -> Any:
    """The template that is named; None when it is not, which moto itself complains about."""
    backend = response.ec2_backend
    if template_id := response._get_param("LaunchTemplateId"):
        return backend.get_launch_template(template_id)
    if name := response._get_param("LaunchTemplateName"):
        return backend.get_launch_template_by_name(name)
    return None
