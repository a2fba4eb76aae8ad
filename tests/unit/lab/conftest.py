"""A lab without a machine: moto's records and our controllers for real, podman in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto import settings as moto

from bakehouse_lab.api import moto_settings
from bakehouse_lab.lab import Lab
from bakehouse_lab.loop import Errands
from bakehouse_lab.podman import Container, Podman, PodmanFailed, Seen
from bakehouse_lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = re.compile(r"ALTER USER '(?P<user>.*)'@'%' IDENTIFIED BY '(?P<password>.*)'")


@dataclass(slots=True)
class PretendPodman:
    """Containers in memory, volumes as folders; a server in a container runs while it does.

    What a database is told in SQL it keeps in its volume, so that data can be seen to survive.
    """

    folder: Path
    containers: dict[str, Container] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    dumb: set[str] = field(default_factory=set)  # run, and never answer

    def create(self, what: Container) -> None:
        self.remove(what.name)
        self.containers[what.name] = what

    def start(self, name: str) -> None:
        if name not in self.containers:
            raise PodmanFailed(f"no such container {name}")
        self.running.add(name)

    def stop(self, name: str, grace_seconds: int) -> None:
        self.running.discard(name)

    def remove(self, name: str) -> None:
        self.containers.pop(name, None)
        self.running.discard(name)

    def execute(self, name: str, *command: str, stdin: str | None = None) -> str:
        if name not in self.running or name in self.dumb:
            raise PodmanFailed(f"{name} does not answer")
        if stdin:
            (self.volume(name) / "sql").write_text(stdin)
        return ""

    def list(self, kind: str) -> list[Seen]:
        wanted = [each.name for each in self.containers.values() if each.kind == kind]
        return [cast("Seen", self.seen(name)) for name in wanted]

    def seen(self, name: str) -> Seen | None:
        what = self.containers.get(name)
        if what is None:
            return None
        status = "running" if name in self.running else "exited"
        return Seen(name, what.kind, what.id, status, 1, 0, "", what.image, {})

    def ensure_volume(self, name: str) -> None:
        self.volume(name).mkdir(exist_ok=True)

    def remove_volume(self, name: str) -> None:
        for file in self.volume(name).glob("*"):
            file.unlink()
        if self.volume(name).exists():
            self.volume(name).rmdir()

    def run(self, *arguments: str) -> str:
        match arguments:
            case ("volume", "inspect", _, name):
                return str(self.volume(name))
            case ("pause", name):
                self.paused.add(name)
            case ("unpause", name):
                self.paused.remove(name)
            case _:
                raise AssertionError(arguments)
        return ""

    def volume(self, name: str) -> Path:
        return self.folder / name

    def password(self, name: str) -> str | None:
        """The password that the database in volume `name` was last given."""
        told = PASSWORD.search((self.volume(name) / "sql").read_text())
        return told["password"] if told else None


class ErrandsAtOnce(Errands):
    """Each errand is done before `run` returns."""

    def run(self, key: str, errand: Callable[[], None], then: Callable[[], None]) -> bool:
        self._busy.add(key)
        self._do(key, errand, then)
        return True


class Desk(Lab):
    """A lab whose networks are only names."""

    def network(self, cidr: str) -> tuple[str, str]:
        return cidr.replace("/", "-"), "10.0.0.1"


@pytest.fixture(autouse=True)
def moto_forgets_what_it_was_told() -> Iterator[None]:
    """The lab's process tells moto for good: 1,500 policies would cost each later test a second."""
    flags = dict(vars(moto))
    with pytest.MonkeyPatch.context() as patch:
        for name in moto_settings.ENVIRONMENT:
            patch.setenv(name, "false")
        yield
    vars(moto).update(flags)


@pytest.fixture
def podman(tmp_path: Path) -> PretendPodman:
    folder = tmp_path / "volumes"
    folder.mkdir()
    return PretendPodman(folder)


@pytest.fixture
def desk(podman: PretendPodman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with nothing in its account; moto's records are forgotten afterwards."""
    from moto.core.base_backend import BackendDict

    monkeypatch.setenv("BAKEHOUSE_LAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BAKEHOUSE_LAB_RUNTIME", str(tmp_path / "run"))
    BackendDict.reset()
    yield Desk(Settings(7), cast("Podman", cast("Any", podman)), errands=ErrandsAtOnce())
    BackendDict.reset()
