"""A launch template's own tags are not its instances'."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplateBackend

NAME = "CreateLaunchTemplate puts the template's own tags among those of what it launches"


def mend() -> None:
    """Take them out again before the first version is written down."""
    original = LaunchTemplateBackend.create_launch_template

    def create(self: Any, name: str, description: str, data: dict[str, Any], tags: Any) -> Any:
        specs = data.get("TagSpecifications", [])
        others = [spec for spec in specs if spec["ResourceType"] != "launch-template"]
        return original(self, name, description, {**data, "TagSpecifications": others}, tags)

    LaunchTemplateBackend.create_launch_template = create
