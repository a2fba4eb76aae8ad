"""What the services of a lab share: settings, podman, the world, errands, and each other's loops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bakehouse_lab.loop import Errands
from bakehouse_lab.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.loop import Loop
    from bakehouse_lab.podman import Podman
    from bakehouse_lab.settings import Settings


@dataclass(slots=True)
class Lab:
    """One running lab. Services find each other through the world and `kick`, never by import."""

    settings: Settings
    podman: Podman
    world: World = field(default_factory=World)
    errands: Errands = field(default_factory=Errands)
    loops: list[Loop] = field(default_factory=list)

    def kick(self) -> None:
        """Something changed: every loop looks again now."""
        for loop in self.loops:
            loop.kick()


class Service(Protocol):
    """A folder of the lab, seen by `serve`: its `__init__` has this one function."""

    @staticmethod
    def serve(lab: Lab) -> Sequence[Loop]:
        """Extend moto with what the service really does; returns its loops, not yet started."""
        ...
