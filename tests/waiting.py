"""How tests wait for what takes its time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

T = TypeVar("T")


def until(
    question: Callable[[], T], seconds: float = 60, told: Callable[[], object] = lambda: ""
) -> T:
    """Ask five times a second until the answer is yes, and return it.

    After `seconds` it fails, with what `told` then says of what there is instead.
    """
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"still not so after {seconds:g} s. {told()}"
        time.sleep(0.2)
    return answer


def heard(command: subprocess.Popen[str], words: str) -> None:
    """Wait until a command says `words` on its standard error."""
    assert command.stderr
    assert any(words in line for line in command.stderr), f"it never said {words!r}"


def ended(command: subprocess.Popen[str], status: int) -> str:
    """What a command printed, when it has ended; with that status."""
    said, complained = command.communicate(timeout=300)
    assert command.returncode == status, f"{said}\n{complained}"
    return said
