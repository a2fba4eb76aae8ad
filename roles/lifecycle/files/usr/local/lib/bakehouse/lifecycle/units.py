"""The units that must end before the instance does, through systemd."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Systemctl = Callable[..., str]

ENDED = ("inactive", "failed")


@dataclass(frozen=True)
class Unit:
    """A unit that systemd has loaded."""

    name: str
    state: str  # active, activating, deactivating, inactive, failed
    result: str  # success; or how it ended: timeout, signal, ...


def systemctl(*words: str) -> str:
    """What systemctl says. Raises OSError or SubprocessError when it does not end well."""
    done = subprocess.run(
        ["systemctl", *words], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout


def parse(said: str) -> list[Unit]:
    r"""Units from `systemctl show`; those that are not loaded are not shown.

    >>> parse("Id=a.service\nActiveState=active\nResult=success\n\n")
    [Unit(name='a.service', state='active', result='success')]
    """
    blocks = [dict(line.split("=", 1) for line in b.splitlines()) for b in said.split("\n\n")]
    return [Unit(b["Id"], b["ActiveState"], b.get("Result", "")) for b in blocks if b.get("Id")]


class Units:
    """The units that are stopped, and those that end by themselves and are waited for."""

    def __init__(
        self, stopped: Sequence[str], awaited: Sequence[str], run: Systemctl = systemctl
    ) -> None:
        """Both are names and patterns as systemctl takes them: laravel-worker@*.service."""
        self._stopped, self._awaited, self._run = stopped, awaited, run
        self._told: list[str] = []

    def stop(self) -> list[str]:
        """Have systemd stop those that run, and do not wait; their names."""
        self._told = _names(self._look(self._stopped))
        if self._told:
            self._run("stop", "--no-block", *self._told)
        return self._told

    def running(self) -> list[str]:
        """All that have not ended."""
        return _names(self._look([*self._stopped, *self._awaited]))

    def broken(self) -> list[str]:
        """Those that were told to stop and did not end well, each with how it ended."""
        units = self._look(self._told) if self._told else []
        return [f"{one.name} ({one.result})" for one in units if one.result not in ("", "success")]

    def kill(self, names: Sequence[str]) -> None:
        """End them at once."""
        self._run("kill", "--signal=SIGKILL", *names)

    def _look(self, patterns: Sequence[str]) -> list[Unit]:
        return parse(self._run("show", "--property=Id,ActiveState,Result", *patterns))


def _names(units: Sequence[Unit]) -> list[str]:
    return [unit.name for unit in units if unit.state not in ENDED]
