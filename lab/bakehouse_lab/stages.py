"""Commands run one after the other as a person would: what each says goes to a log, and one that
fails tells its last words and what to type next.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse_lab.steps import Step

LAST_LINES = 20
GRACE_SECONDS = 90  # an interrupted bake takes away what it made
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True, slots=True)
class Stage:
    """One command, and what to type when it fails."""

    name: str
    command: tuple[str, ...]
    hint: str


class StageFailed(RuntimeError):
    """A command failed; the message says which, how, and what to type next."""


def run(stage: Stage, step: Step, root: Path, environment: Mapping[str, str], log: Path) -> None:
    """Run a stage in `root` to its end, its output in `log`. Raises StageFailed.

    What interrupts the wait (Ctrl-C) interrupts the command too, and waits until it has cleaned up.
    """
    try:
        process = subprocess.Popen(
            stage.command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as missing:
        raise StageFailed(f"{stage.name} failed: {missing}\nNext: make setup") from missing
    try:
        said = _follow(process, step, log)
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    if status:
        raise StageFailed(explain(stage, status, said, log))


def explain(stage: Stage, status: int, said: list[str], log: Path) -> str:
    """What a person who waited for the stage needs to know."""
    lines = "\n".join(f"    {line}" for line in said) or "    (it said nothing)"
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return (
        f"{stage.name} failed: {shlex.join(stage.command)} {ended}. Its last lines:\n"
        f"{lines}\nThe whole log: {log}\nNext: {stage.hint}"
    )


def _follow(process: subprocess.Popen[str], step: Step, log: Path) -> list[str]:
    last: deque[str] = deque(maxlen=LAST_LINES)
    assert process.stdout
    with log.open("w") as file:
        for line in process.stdout:
            file.write(line)
            file.flush()
            plain = ANSI.sub("", line).rstrip()
            if plain:
                last.append(plain)
                step.doing = plain
    return list(last)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the command and all that it started, as Ctrl-C would, and wait for it."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
