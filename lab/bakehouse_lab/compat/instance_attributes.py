"""ModifyInstanceAttribute takes an instance's groups away when it does not know the attribute."""

from __future__ import annotations

from typing import Any

from moto.ec2.responses.instances import InstanceResponse

NAME = "ModifyInstanceAttribute empties the groups for InstanceInitiatedShutdownBehavior and others"


def mend() -> None:
    """Keep the shutdown behaviour; touch groups only when groups are given."""
    moto_value = InstanceResponse._dot_value_instance_attribute_handler
    moto_groups = InstanceResponse._security_grp_instance_attribute_handler

    def value(self: Any) -> bool:
        behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behaviour is None:
            handled: bool = moto_value(self)
            return handled
        self.error_on_dryrun()
        self.ec2_backend.modify_instance_attribute(
            self._get_param("InstanceId"), "instance_initiated_shutdown_behavior", behaviour
        )
        return True

    def groups(self: Any) -> bool:
        return bool(self._get_param("Groups")) and moto_groups(self)

    InstanceResponse._dot_value_instance_attribute_handler = value
    InstanceResponse._security_grp_instance_attribute_handler = groups
