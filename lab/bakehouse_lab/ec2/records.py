"""moto's instance records, made to wait for a host: what each API call writes down.

moto's instances are running at once and gone at once. Here a call only says what is wanted; the
state moves on when the host does (`fleet`).
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend, StateReason

from bakehouse_lab.ec2.lifecycle import Record, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_moto_terminate = Instance.terminate


@dataclass(slots=True)
class Asked:
    """What the lab knows of an instance and moto does not."""

    reboot: bool = False
    forced: bool = False
    failure: str = ""
    ended: float = 0.0
    reachable: bool = False  # sshd has answered since the last start


def asked(instance: Any) -> Asked:
    """The lab's notes on an instance; made when first asked for."""
    if not hasattr(instance, "lab_asked"):
        instance.lab_asked = Asked()
    notes: Asked = instance.lab_asked
    return notes


def record(instance: Any) -> Record:
    """The instance as `lifecycle.decide` sees it."""
    notes = asked(instance)
    return Record(
        State(instance.state),
        ends_at_shutdown=instance.instance_initiated_shutdown_behavior == "terminate",
        reboot=notes.reboot,
        forced=notes.forced,
        failure=notes.failure,
        ended=notes.ended,
    )


def move(instance: Any, state: State, code: str = "", message: str = "") -> None:
    """Put the instance into `state`; with a code, that becomes the reason it shows."""
    instance._state.name, instance._state.code = state.value, state.code
    if code:
        instance.state_reason = StateReason(message, code)
        instance._reason = message
    elif state in (State.PENDING, State.RUNNING):
        instance.state_reason, instance._reason = StateReason(), ""


def give_back(instance: Any) -> None:
    """Make it terminated: address, interfaces, disks and profile are free again."""
    reason, said = instance.state_reason, instance._reason
    for interface in list(instance.nics.values()):
        interface.delete_on_termination = interface.id in instance.ec2_backend.enis
    _moto_terminate(instance)
    # What became of it must not be handed out again when moto's object is collected.
    instance._private_ips.clear()
    instance.state_reason, instance._reason = reason, said
    asked(instance).ended = time.time()


def forget(instance: Any) -> None:
    """Drop the record, as AWS does an hour after the end."""
    backend = instance.ec2_backend
    for reservation_id, reservation in list(backend.reservations.items()):
        if instance in reservation.instances:
            reservation.instances.remove(instance)
        if not reservation.instances:
            del backend.reservations[reservation_id]
    backend.tags.pop(instance.id, None)


def every(backend: Any) -> Iterator[Any]:
    """All instances that moto knows, terminated ones too."""
    for reservation in list(backend.reservations.values()):
        yield from list(reservation.instances)


def extend(kick: Callable[[], None]) -> None:
    """Make moto's calls write down wishes, and `kick` after each."""
    moto_run = InstanceBackend.run_instances

    def run_instances(self: Any, image_id: str | None, *args: Any, **wanted: Any) -> Any:
        template = wanted.get("launch_template")
        image_id = image_id or (template and self._get_template_from_args(template).image_id)
        _check_image(self, image_id)
        reservation = moto_run(self, image_id, *args, **wanted)
        fresh = [each for each in reservation.instances if not hasattr(each, "lab_asked")]
        for instance in fresh:
            instance.lab_asked = Asked()
            instance.container_image = self.amis[image_id].container_image
            move(instance, State.PENDING)
        kick()
        return reservation

    InstanceBackend.run_instances = run_instances
    for verb, wish in (("start", _start), ("stop", _stop), ("reboot", _reboot)):
        setattr(Instance, verb, _kicking(wish, kick))
    Instance.terminate = _kicking(_terminate, kick)
    Instance.instance_status = Instance.system_status = property(status)


def status(instance: Any) -> dict[str, Any]:
    """DescribeInstanceStatus: `initializing` until sshd has answered once since the start."""
    if instance.state != State.RUNNING.value:
        return {"Status": "not-applicable"}
    reachable = asked(instance).reachable
    check = {"Name": "reachability", "Status": "passed" if reachable else "initializing"}
    return {"Details": [check], "Status": "ok" if reachable else "initializing"}


def _kicking(wish: Callable[[Any], Any], kick: Callable[[], None]) -> Callable[[Any], Any]:
    def wished(instance: Any) -> Any:
        previous = copy.copy(instance._state)
        wish(instance)
        kick()
        return previous

    return wished


def _check_image(backend: Any, image_id: str | None) -> None:
    image = backend.amis.get(image_id)
    if image is None:
        raise EC2ClientError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    if image.state != "available":
        raise EC2ClientError(
            "InvalidAMIID.Unavailable",
            f"The image ID '{image_id}' is not available: it is {image.state}",
        )
    if not getattr(image, "container_image", ""):
        raise EC2ClientError(
            "InvalidAMIID.Unavailable",
            f"Nothing stands behind image '{image_id}' in this lab; bake one, or start from a "
            "base image (DescribeImages, owner 136693071363)",
        )


def _refuse(instance: Any, *states: State) -> None:
    if State(instance.state) in states:
        raise EC2ClientError(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is not in a state from which it can do that: "
            f"it is {instance.state}",
        )


def _start(instance: Any) -> None:
    _refuse(instance, State.STOPPING, State.SHUTTING_DOWN, State.TERMINATED)
    if State(instance.state) is State.STOPPED:
        notes = asked(instance)
        notes.failure, notes.forced, notes.reachable = "", False, False
        move(instance, State.PENDING)


def _stop(instance: Any) -> None:
    _refuse(instance, State.PENDING, State.SHUTTING_DOWN, State.TERMINATED)
    if State(instance.state) is State.RUNNING:
        move(instance, State.STOPPING, *_user_initiated("shutdown"))


def _reboot(instance: Any) -> None:
    _refuse(instance, *set(State) - {State.RUNNING})
    asked(instance).reboot = True


def _terminate(instance: Any) -> None:
    if State(instance.state) not in (State.SHUTTING_DOWN, State.TERMINATED):
        move(instance, State.SHUTTING_DOWN, *_user_initiated("shutdown"))


def _user_initiated(what: str) -> tuple[str, str]:
    code = "Client.UserInitiatedShutdown"
    return code, f"{code}: User initiated {what}"
