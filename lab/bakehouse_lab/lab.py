"""What the services of a lab share: settings, podman, the world, errands, loops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bakehouse_lab import network
from bakehouse_lab.loop import Errands
from bakehouse_lab.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.loop import Loop
    from bakehouse_lab.podman import Podman
    from bakehouse_lab.settings import Settings


class Face(Protocol):
    """Something of the lab that answers HTTP: the API, the metadata service."""

    def listen(self, address: str) -> None:
        """Answer on one more address too; nothing happens when it is answered already."""
        ...


@dataclass(slots=True)
class Lab:
    """One running lab. Services find each other through the world and `kick`, never by import."""

    settings: Settings
    podman: Podman
    world: World = field(default_factory=World)
    errands: Errands = field(default_factory=Errands)
    loops: list[Loop] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)

    def network(self, cidr: str) -> tuple[str, str]:
        """The podman network of a VPC's range, with every face answering at its gateway.

        Slow (it runs podman): for errands, never under the world's lock.
        """
        name, gateway = network.ensure(self.podman, self.settings, cidr)
        for face in self.faces:
            face.listen(gateway)
        return name, gateway

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
