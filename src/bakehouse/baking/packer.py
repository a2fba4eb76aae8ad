"""The only module that talks to packer: runs it, hears what it says, and ends it cleanly.

Built on packer-py's PackerExecutable, which knows packer's grammar but waits in silence, has no
timeout and no way to stop. Two things about packer itself shape this (both measured with 1.6.6):
an interrupt sent to packer alone is ignored, only its whole process group makes it clean up; and a
build that makes nothing can end with status 0.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from packerpy import PackerExecutable

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# How long packer may take to clean up after an interrupt before it is killed: it waits for the
# build host to be gone.
CLEAN_UP_SECONDS = 120


class BakeFailed(Trouble):
    """Packer, or the playbook it ran, gave up; packer has removed what it made."""


class BakeTimedOut(Trouble):
    """The bake took too long and was interrupted; packer has removed what it made."""


class NothingBaked(Trouble):
    """Packer ended well and made no image."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of packer's machine-readable output."""

    kind: str
    data: tuple[str, ...]

    @classmethod
    def parse(cls, line: str) -> Event:
        r"""Read a line; a line that is no event (a crash, say) becomes `ui error`.

        >>> Event.parse("1600000000,,ui,say,==> web: Stopping%!(PACKER_COMMA) then\\nwaiting")
        Event(kind='ui', data=('say', '==> web: Stopping, then\nwaiting'))
        >>> Event.parse("1600000000,web,artifact,0,id,eu-west-1:ami-1").data
        ('0', 'id', 'eu-west-1:ami-1')
        >>> Event.parse("panic: oh no")
        Event(kind='ui', data=('error', 'panic: oh no'))
        """
        stamp, *rest = line.split(",")
        if not stamp.isdecimal() or len(rest) < 2:
            return cls("ui", ("error", line))
        return cls(rest[1], tuple(_plain(field) for field in rest[2:]))


def _plain(field: str) -> str:
    return field.replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "\r")


class Packer(PackerExecutable):  # type: ignore[misc]  # packer-py ships no types
    """One packer, heard line by line; `hear` is called on another thread."""

    def __init__(
        self,
        executable: Path,
        hear: Callable[[Event], None],
        timeout: float,
        clean_up_seconds: float = CLEAN_UP_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout` is for a whole build, in seconds; `environment` None is this process's."""
        super().__init__(executable_path=str(executable))
        self._hear = hear
        self._timeout = timeout
        self._clean_up_seconds = clean_up_seconds
        self._environment = environment
        self._events: list[Event] = []

    def bake(self, template: Path, variables: Path) -> str:
        """Build what `template` (a folder, absolute) says; returns the id of the one image.

        Raises BakeFailed, BakeTimedOut or NothingBaked; an interrupt is passed on after packer
        has cleaned up. However it ends, no process of the build is left.
        """
        status, _, _ = self.build(str(template), var_file=variables, color="false")
        images = [
            event.data[2].rpartition(":")[2]
            for event in self._events
            if event.kind == "artifact" and event.data[1:2] == ("id",)
        ]
        if status != 0:
            raise BakeFailed(f"The bake failed: {failure_in(self._events)}")
        if not images:
            raise NothingBaked("Packer ended well, but made no image.")
        return images[0]

    def execute_cmd(
        self, packer_cmd: str, template: str | None = None, **kwargs: Any
    ) -> tuple[int, bytes, bytes]:
        """Run packer as packer-py would, but heard while it runs and in a group of its own."""
        command = [self.configuration[self.PATH], packer_cmd, "-machine-readable"]
        command += [*self._explode_args(**kwargs), *([template] if template else [])]
        self._events.clear()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._environment,
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        try:
            self._wait(process)
        finally:
            _signal_group(process, signal.SIGKILL)  # an orphaned ansible-playbook, if any
            process.wait()
            reader.join()
        return process.returncode, b"", b""

    def _wait(self, process: subprocess.Popen[str]) -> None:
        try:
            process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            self._interrupt(process)
            minutes = self._timeout / 60
            raise BakeTimedOut(f"The bake was not done after {minutes:.0f} minutes.") from None
        except KeyboardInterrupt:
            self._interrupt(process)
            raise

    def _interrupt(self, process: subprocess.Popen[str]) -> None:
        """Make packer clean up; a second interrupt from the user, or no end of it, kills it."""
        _signal_group(process, signal.SIGINT)
        try:
            process.wait(self._clean_up_seconds)
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # for the type checker: it is a pipe
        for line in process.stdout:
            event = Event.parse(line.rstrip("\n"))
            self._events.append(event)
            self._hear(event)


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


TASK = "TASK ["
NO_MIRROR = "No package mirror answered the build host: look at its network."
FULL = "The build host's disk is full: raise root_volume_gib in packer/variables.pkr.hcl."
MEANINGS = {
    # Ansible's apt module, whatever the reason was: apt-get update counts no answer as a warning.
    "Failed to update apt cache": NO_MIRROR,
    "enough free space in": FULL,  # apt, which looks before it begins
    "No space left on device": FULL,
}


def failure_in(events: list[Event]) -> str:
    """The lines that say why a build failed: the playbook's own, or else packer's errors.

    >>> failure_in([Event("ui", ("error", "==> web: No such image"))])
    'web: No such image'
    """
    lines = [line for event in events for line in lines_of(event)]
    telling = [line for line in lines if line.startswith(("[ERROR]", "fatal:"))]
    tasks = [line for line in takewhile(lambda line: line not in telling, lines) if TASK in line]
    if any(line.startswith("[ERROR]") for line in telling):
        telling = [line for line in telling if not line.endswith("FAILED! =>")]
    if not telling:
        errors = (event for event in events if event.data[:1] == ("error",))
        telling = [line for event in errors for line in lines_of(event)]
    last = [line.removeprefix("[ERROR]: ") for line in telling[-6:]]
    if telling and tasks:
        last.insert(0, tasks[-1].rstrip("* "))
    said = "\n".join(last)
    last += dict.fromkeys(meaning for words, meaning in MEANINGS.items() if words in said)
    return "\n  ".join(last) or "it did not say why."


def lines_of(event: Event) -> list[str]:
    """What an event says to a person, without packer's arrows and indents; often nothing.

    >>> lines_of(Event("ui", ("message", "    amazon-ebs.web: TASK [Install nginx] ***")))
    ['TASK [Install nginx] ***']
    """
    if event.kind != "ui" or len(event.data) < 2:
        return []
    lines = (line.strip().removeprefix("==> ") for line in event.data[1].splitlines())
    return [line.removeprefix("amazon-ebs.web:").strip() for line in lines if line]
