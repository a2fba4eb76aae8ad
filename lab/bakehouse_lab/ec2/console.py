"""GetConsoleOutput: what the host printed, instead of moto's boot log of 2006."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.ec2.responses.general import General

if TYPE_CHECKING:
    from collections.abc import Callable

# EC2 keeps the last 64 KiB.
KEPT = 64 * 1024


def extend(read: Callable[[str], str]) -> None:
    """Answer with what `read` says for an instance id."""

    def get_console_output(self: Any) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        printed = read(instance.id).encode()[-KEPT:].decode(errors="replace")
        return ActionResult(
            {
                "InstanceId": instance.id,
                "Timestamp": datetime.now(UTC).replace(tzinfo=None),
                "Output": Base64EncodedString.from_raw_string(printed),
            }
        )

    General.get_console_output = get_console_output
