"""What a group of hosts is, and the one step to take next. Pure: no cloud, no clock.

A host is old when it was not launched from the wanted version of the launch template. Capacity is
bought before it is given up: a replacement serves before its predecessor goes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    """One instance of a group, as the group and its target groups see it."""

    id: str
    version: str  # of the launch template it was launched from
    lifecycle: str  # as Auto Scaling calls it: Pending, InService, Terminating:Wait, ...
    target: str = "healthy"  # as the target group calls it; healthy where there is none
    reason: str = ""  # why the target group says so, in its words

    @property
    def serves(self) -> bool:
        """In service, and healthy for the load balancer."""
        return self.lifecycle == "InService" and self.target == "healthy"

    @property
    def leaves(self) -> bool:
        """On its way out, or gone."""
        return self.lifecycle.startswith(("Terminat", "Detach"))

    @property
    def aside(self) -> bool:
        """Somebody put it aside to look at it; it is neither counted nor touched."""
        return self.lifecycle in ("EnteringStandby", "Standby")

    def __str__(self) -> str:
        """The host and its state, for a person."""
        if self.lifecycle != "InService":
            return f"{self.id} is {self.lifecycle}"
        return f"{self.id} is {self.target}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Fleet:
    """A group at one moment, and what is wanted of it."""

    hosts: tuple[Host, ...]
    version: str  # wanted of every host
    wanted: int  # how many must serve
    desired: int  # how many Auto Scaling has been told to keep

    @property
    def staying(self) -> tuple[Host, ...]:
        """All hosts that are not on their way out, nor put aside."""
        return tuple(host for host in self.hosts if not host.leaves and not host.aside)

    @property
    def old(self) -> tuple[Host, ...]:
        """Hosts to replace; those that do not serve come first."""
        old = (host for host in self.staying if host.version != self.version)
        return tuple(sorted(old, key=lambda host: host.serves))

    @property
    def new(self) -> tuple[Host, ...]:
        """Hosts of the wanted version."""
        return tuple(host for host in self.staying if host.version == self.version)

    @property
    def serving(self) -> int:
        """How many hosts serve now."""
        return sum(host.serves for host in self.staying)


@dataclass(frozen=True, slots=True)
class Resize:
    """Tell Auto Scaling to keep this many hosts."""

    desired: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Drain a host and terminate it; `replace` keeps the group's size, so another is launched."""

    host: Host
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """Every host is of the wanted version and serves."""


Step = Resize | Retire | Wait | Done


def next_step(fleet: Fleet) -> Step:
    """Decide the one step to take now.

    Never takes a host that serves while no more than `fleet.wanted` do, and never asks for more
    than one host above that.
    """
    if not fleet.old:
        return _settle(fleet)
    leaving = [host for host in fleet.hosts if host.leaves]
    booting = [host for host in fleet.new if not host.serves]
    worst = fleet.old[0]
    if not worst.serves or fleet.serving > fleet.wanted:
        return Retire(worst, replace=fleet.desired <= fleet.wanted)
    if booting:
        return Wait(str(booting[0]))
    if len(fleet.staying) < fleet.desired:
        return Wait("a host is to be launched")
    if leaving:
        return Wait(str(leaving[0]))
    return Resize(fleet.wanted + 1)


def _settle(fleet: Fleet) -> Step:
    """No host is old: reach the size, and wait until everyone serves."""
    if fleet.desired != fleet.wanted:
        return Resize(fleet.wanted)
    for host in fleet.hosts:
        if not host.serves and not host.aside:
            return Wait(str(host))
    if len(fleet.new) != fleet.wanted:
        return Wait(f"{len(fleet.new)} of {fleet.wanted} hosts are there")
    return Done()


def retreat(fleet: Fleet) -> list[Retire]:
    """What to take back when the new hosts never came to serve: them, and no old host."""
    spare = max(0, fleet.desired - fleet.wanted)
    sick = [host for host in fleet.new if not host.serves]
    return [Retire(host, replace=number >= spare) for number, host in enumerate(sick)]
