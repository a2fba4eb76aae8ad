"""ModifyImageAttribute answers success and forgets all but launch permissions."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.responses.amis import AmisResponse

NAME = "ModifyImageAttribute forgets Description and ImdsSupport"

# The request's parameter, the older spelling of the same, and where moto keeps it.
ATTRIBUTES = {"Description": "description", "ImdsSupport": "imds_support"}


def mend() -> None:
    """Keep them."""
    moto_modify = AmisResponse.modify_image_attribute

    def modify_image_attribute(self: Any) -> ActionResult:
        said = {kept: value for name, kept in ATTRIBUTES.items() if (value := _value(self, name))}
        if not said:
            result: ActionResult = moto_modify(self)
            return result
        image = self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]
        self.error_on_dryrun()
        for kept, value in said.items():
            setattr(image, kept, value)
        return EmptyResult()

    AmisResponse.modify_image_attribute = modify_image_attribute


def _value(response: Any, name: str) -> str | None:
    given = response._get_param(name)
    if isinstance(given, dict):
        given = given.get("Value")
    if given is None and response._get_param("Attribute", "").lower() == name.lower():
        given = response._get_param("Value")
    value: str | None = given
    return value
