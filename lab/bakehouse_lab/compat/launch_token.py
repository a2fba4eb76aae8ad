"""RunInstances launches again when a client repeats itself with the same ClientToken."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend

NAME = "RunInstances launches twice for one ClientToken"

# What moto passes on when the client gave none.
MOTOS_DEFAULT = "ABCDE"


def mend() -> None:
    """Answer a repeated call with what the first one launched, as AWS does."""
    moto_run = InstanceBackend.run_instances

    def run_instances(self: Any, *args: Any, **wanted: Any) -> Any:
        token = wanted.get("client_token") or MOTOS_DEFAULT
        if token != MOTOS_DEFAULT:
            for reservation in self.reservations.values():
                if any(instance.client_token == token for instance in reservation.instances):
                    return reservation
        return moto_run(self, *args, **wanted)

    InstanceBackend.run_instances = run_instances
