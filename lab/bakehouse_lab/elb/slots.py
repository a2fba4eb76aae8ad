"""Which target stands in which of haproxy's server slots, and how to change that. Pure.

Nothing is remembered: haproxy says what its slots hold (`read`), `assign` finds a slot for each
target that is wanted and leaves those that have one where they are, `commands` is the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# haproxy's bits of `srv_admin_state` that a command can set.
_FORCED_MAINTENANCE = 0x01
_FORCED_DRAIN = 0x08

# Where an empty slot points: an address that is never given to anybody (RFC 5737).
NOWHERE = "192.0.2.1"

# Slots come in steps of this, so that one more target seldom costs a reload.
STEP = 16


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A target and what it may get: `ready`, `drain` or `maint`."""

    ip: str
    port: int
    mode: str


@dataclass(frozen=True, slots=True)
class Slot:
    """What one of a group's servers is set to."""

    number: int
    ip: str
    port: int
    mode: str


def needed(targets: int) -> int:
    """How many slots a group should have.

    >>> needed(0), needed(16), needed(17)
    (16, 32, 32)
    """
    return (targets // STEP + 1) * STEP


def widened(held: Sequence[Slot], count: int) -> list[Slot]:
    """The slots that are there, and empty ones up to `count`."""
    known = {slot.number: slot for slot in held}
    return [known.get(n, Slot(n, NOWHERE, 1, "maint")) for n in range(1, count + 1)]


def read(answer: str) -> dict[str, list[Slot]]:
    """The slots of each backend, from haproxy's `show servers state`."""
    lines = [line.split() for line in answer.splitlines() if line.strip()]
    header = next((line[1:] for line in lines if line[0] == "#"), [])
    found: dict[str, list[Slot]] = {}
    for line in lines:
        if line[0] == "#" or len(line) < len(header) or len(line) == 1:
            continue
        row = dict(zip(header, line, strict=False))
        slot = Slot(
            int(row["srv_name"][1:]),
            row["srv_addr"],
            int(row["srv_port"]),
            _mode(int(row["srv_admin_state"]), int(row["srv_uweight"])),
        )
        found.setdefault(row["be_name"], []).append(slot)
    return found


def _mode(admin: int, weight: int) -> str:
    if admin & _FORCED_MAINTENANCE:
        return "maint"
    return "drain" if admin & _FORCED_DRAIN or not weight else "ready"


def assign(slots: Sequence[Slot], targets: Iterable[Target]) -> list[Slot]:
    """The slots as they should be.

    A target keeps its slot; a new one takes a slot that is out of use. Targets beyond the last
    slot are left out: there will be more slots after the reload that `needed` asks for.
    """
    wanted = {(each.ip, each.port): each for each in targets}
    held = {(slot.ip, slot.port): slot.number for slot in slots if (slot.ip, slot.port) in wanted}
    free = [slot.number for slot in slots if slot.number not in held.values()]
    for place in sorted(wanted.keys() - held.keys()):
        if free:
            held[place] = free.pop(0)
    by_number = {number: wanted[place] for place, number in held.items()}
    return [
        Slot(slot.number, target.ip, target.port, target.mode)
        if (target := by_number.get(slot.number))
        else Slot(slot.number, slot.ip, slot.port, "maint")
        for slot in slots
    ]


def commands(group: str, have: Sequence[Slot], want: Sequence[Slot]) -> Iterator[str]:
    """What to tell haproxy so that the slots of `group` become as wanted."""
    now = {slot.number: slot for slot in have}
    for slot in want:
        old, server = now[slot.number], f"{group}/s{slot.number}"
        if slot == old:
            continue
        if (slot.ip, slot.port) != (old.ip, old.port):
            # Never a moment in which the new address is served before it is meant to be.
            yield f"set server {server} state maint"
            yield f"set server {server} addr {slot.ip} port {slot.port}"
        if slot.mode == "ready":
            yield f"set server {server} weight 100%"
        yield f"set server {server} state {slot.mode}"
