"""What an instance's host has to go through next: a decision, made from two facts.

The record says what was asked for, the container says what is; `decide` names the one thing to do
about the difference. It remembers nothing, so that it is right after a crash too.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

# How systemd's end is seen from outside a PID namespace: the kernel kills its first process with
# SIGHUP at a reboot and SIGINT at a power-off (reboot(2)); a container's status is 128 + signal.
REBOOTED = 129
POWERED_OFF = 130

# AWS shows a terminated instance for about an hour.
FORGET_AFTER_SECONDS = 3600.0


class State(enum.Enum):
    """EC2's instance states; the value is EC2's name, `code` its number."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    STOPPING = "stopping"
    STOPPED = "stopped"

    @property
    def code(self) -> int:
        """EC2's number for the state.

        >>> State.STOPPED.code
        80
        """
        return 16 * list(State).index(self)


@dataclass(frozen=True, slots=True)
class Record:
    """What the API was asked for."""

    state: State
    ends_at_shutdown: bool = False  # InstanceInitiatedShutdownBehavior is `terminate`
    reboot: bool = False  # RebootInstances came and was not acted on
    forced: bool = False  # StopInstances came with Force
    failure: str = ""  # why the last attempt to launch or start it failed
    ended: float = 0.0  # when it became terminated, seconds since the epoch


@dataclass(frozen=True, slots=True)
class Host:
    """What podman says about the container."""

    running: bool
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """Make the container and start it; then the instance is running."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the container that is there; then the instance is running."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop the container and start it again; the instance was running all the while."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop the container; its disk stays."""

    forced: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Stop the container, and remove it with its disk."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Write down that it is stopped. Without a code, the reason that the API gave stays."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """Write down that it is on its way out, and why."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """Write down that it is gone, and give back what it held: address, disk, profile."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the record."""


Step = Launch | Start | Restart | Halt | Remove | Stopped | Ending | Terminated | Forget

BY_ITSELF = "Client.InstanceInitiatedShutdown"
OUR_FAULT = "Server.InternalError"


def decide(record: Record, host: Host | None, now: float) -> Step | None:
    """The one thing to do now, or None when record and container agree."""
    match record.state:
        case State.PENDING:
            return _arriving(record, host)
        case State.RUNNING:
            return _running(record, host)
        case State.STOPPING:
            return _stopping(record, host)
        case State.STOPPED:
            # Somebody started it behind the API's back.
            return Halt() if host and host.running else None
        case State.SHUTTING_DOWN:
            return Remove() if host else Terminated()
        case State.TERMINATED:
            if host:
                return Remove()
            return Forget() if now - record.ended > FORGET_AFTER_SECONDS else None


def _arriving(record: Record, host: Host | None) -> Step:
    if record.failure:
        return Ending(OUR_FAULT, f"{OUR_FAULT}: {record.failure}")
    return Start() if host else Launch()


def _stopping(record: Record, host: Host | None) -> Step:
    if host is None:
        return Ending(OUR_FAULT, f"{OUR_FAULT}: its disk is gone")
    return Halt(record.forced) if host.running else Stopped()


def _running(record: Record, host: Host | None) -> Step | None:
    if host is None:
        return Ending(OUR_FAULT, f"{OUR_FAULT}: its host vanished, disk and all")
    if host.running:
        return Restart() if record.reboot else None
    if record.failure:
        return Stopped(OUR_FAULT, f"{OUR_FAULT}: {record.failure}")
    if host.exit_code == REBOOTED or record.reboot:
        return Start()
    if host.exit_code not in (POWERED_OFF, 0):
        died = f"its first process ended with status {host.exit_code}"
        return Stopped(OUR_FAULT, f"{OUR_FAULT}: {died}")
    why = f"{BY_ITSELF}: Instance initiated shutdown"
    return Ending(BY_ITSELF, why) if record.ends_at_shutdown else Stopped(BY_ITSELF, why)
