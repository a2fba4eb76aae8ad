"""RunInstances starts MinCount instances, where AWS starts MaxCount when it can."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.instances import InstanceResponse

NAME = "RunInstances starts MinCount instances and does not read MaxCount"

_most: ContextVar[int | None] = ContextVar("most", default=None)


def mend() -> None:
    """Read MaxCount where the request is read, use it where instances are made."""
    moto_answer, moto_run = InstanceResponse.run_instances, InstanceBackend.run_instances

    def answer(self: Any) -> Any:
        least, most = self._get_int_param("MinCount"), self._get_int_param("MaxCount")
        if least is None or most is None or not 1 <= least <= most:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"MinCount ({least}) and MaxCount ({most}) must be numbers, 1 <= MinCount <= "
                "MaxCount",
            )
        token = _most.set(most)
        try:
            return moto_answer(self)
        finally:
            _most.reset(token)

    def run_instances(self: Any, image_id: str, count: int, *args: Any, **wanted: Any) -> Any:
        return moto_run(self, image_id, _most.get() or count, *args, **wanted)

    InstanceResponse.run_instances = answer
    InstanceBackend.run_instances = run_instances
