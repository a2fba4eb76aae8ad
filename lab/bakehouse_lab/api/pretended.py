"""Actions to which moto answers success without doing a thing; the lab says so instead.

A false success is worse than an error: a person believes that a command ran on a host. An entry
goes when a service of the lab does the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakehouse_lab.api.calls import Call

_NO_AGENT = "no SSM agent runs on the hosts, so nothing would be run; use ssh"

PRETENDED = {
    ("ssm", "SendCommand"): _NO_AGENT,
    ("ssm", "StartSession"): _NO_AGENT,
    ("ssm", "StartAutomationExecution"): _NO_AGENT,
    ("ec2-instance-connect", "SendSSHPublicKey"): "no key would reach the host; use the key pair",
    ("ec2-instance-connect", "SendSerialConsoleSSHPublicKey"): "hosts have no serial console",
    ("ec2", "ImportImage"): "no disk image would be read; use CreateImage",
    ("ec2", "ExportImage"): "no disk image would be written",
    ("ec2", "CreateFleet"): "its instances would not be started; use an Auto Scaling group",
    ("ec2", "RequestSpotInstances"): "its instances would not be started; use RunInstances",
    ("ec2", "RequestSpotFleet"): "its instances would not be started; use an Auto Scaling group",
}


def pretended(call: Call) -> str | None:
    """Why success would be a lie, or None."""
    return PRETENDED.get((call.service, call.action))
