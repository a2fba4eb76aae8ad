"""The API's process: is it there, start it, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import TYPE_CHECKING

from bakehouse_lab import ports
from bakehouse_lab.cli.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bakehouse_lab.settings import Settings

MODULE = "bakehouse_lab.serve"

START_SECONDS = 60
STOP_SECONDS = 90  # an AMI's disk may be being committed


@dataclass(frozen=True, slots=True)
class Up:
    """The lab's own process listens."""

    pid: int


@dataclass(frozen=True, slots=True)
class Starting:
    """The lab's own process is there and does not listen yet, or no more."""

    pid: int


@dataclass(frozen=True, slots=True)
class Down:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else has the port."""

    by: ports.Listener


State = Up | Starting | Down | Taken


def judge(pid: int | None, command: Sequence[str], listening: ports.Listener | None) -> State:
    """What there is, from the pid file, that process's command line, and who listens.

    A pid file that an earlier process left says nothing: its number may be another program's now.
    """
    ours = pid if pid is not None and MODULE in command else None
    if listening is None:
        return Down() if ours is None else Starting(ours)
    if listening.pid is not None and listening.pid == ours:
        return Up(listening.pid)
    return Taken(listening)


def look(settings: Settings) -> State:
    """Look now."""
    pid = _pid(settings)
    command = ports.command_line(pid) if pid else []
    return judge(pid, command, ports.listener(settings.api_port))


def start(settings: Settings) -> int:
    """Start the process in a session of its own, and wait until it listens; returns its pid.

    Raises Refused with the log's last lines when it ends or says nothing for a minute; it is
    ended then.
    """
    log = log_of(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    settings.runtime.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    try:
        _wait(settings, process)
    except BaseException:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    return process.pid


def stop(pid: int) -> None:
    """Ask the process to end, wait until it has, and kill it when that takes too long."""
    _signal(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while _alive(pid):
        if time.monotonic() > until:
            _signal(pid, signal.SIGKILL)
            until += STOP_SECONDS
        time.sleep(0.1)


def log_of(settings: Settings) -> Path:
    """What the process says; the log before this one is beside it, with `.1`."""
    return settings.state / "serve.log"


@contextmanager
def alone(settings: Settings, verb: str) -> Iterator[None]:
    """One at a time may start or stop a lab; raises Refused naming who does already."""
    settings.runtime.mkdir(parents=True, exist_ok=True)
    path = settings.runtime / "lab.lock"
    with path.open("a+") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Refused(
                f"{file.read().strip() or 'another lab command'} is at work on this lab; "
                "wait until it is done"
            ) from None
        file.truncate(0)
        file.write(f"'lab {verb}' (pid {os.getpid()}, since {time.strftime('%H:%M:%S')})\n")
        file.flush()
        yield


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while ports.listener(settings.api_port) is None:
        if process.poll() is not None:
            raise Refused(f"the API ended while starting:\n{_tail(log_of(settings))}")
        if time.monotonic() > until:
            raise Refused(
                f"the API did not listen within {START_SECONDS} s; see: scripts/lab logs serve"
            )
        time.sleep(0.1)


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()[-12:]
    return "\n".join(f"    {line}" for line in lines)


def _pid(settings: Settings) -> int | None:
    try:
        return int((settings.runtime / "serve.pid").read_text())
    except (OSError, ValueError):
        return None


def _alive(pid: int) -> bool:
    """A child that ended and was not asked for is a zombie: as good as gone."""
    with suppress(ChildProcessError):  # seldom our child
        os.waitpid(pid, os.WNOHANG)
    return MODULE in ports.command_line(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.kill(pid, number)
