"""What a refresh would do, and how long it would take. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse.progress import seconds
from bakehouse.refresh.preflight import refusals, room
from bakehouse.refresh.rolling import Order, Pace, Refresh, eta, waves

if TYPE_CHECKING:
    from bakehouse.refresh.preflight import Refusal, Scene


@dataclass(frozen=True, slots=True)
class Outlook:
    """A refresh that has not begun."""

    scene: Scene
    order: Order
    pace: Pace
    at_once: int
    limit: str  # why no more come at once
    waves: tuple[int, ...]
    seconds: float
    refused: tuple[Refusal, ...]

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        group = self.scene.group
        return {
            "group": group.name,
            "image": self.scene.image.id,
            "was": group.image,
            "version": group.version,
            "hosts": group.desired,
            "at_once": self.at_once,
            "waves": list(self.waves),
            "seconds": round(self.seconds),
            "measured": self.pace.measured,
            "refused": [{"why": one.why, "next": one.then} for one in self.refused],
        }

    def told(self) -> list[str]:
        """For a person."""
        group, image = self.scene.group, self.scene.image
        if not self.waves:
            return [f"{group.name}: nothing to do, every host runs {image.id}"]
        return [
            f"{group.name}: {group.desired} hosts from {group.image} to {image.id} ({image.name})",
            *self._waves(),
            f"  at once  {self.at_once} beside the {group.desired} ({self.limit}); "
            f"never fewer than {group.desired} serve",
            f"  takes    {self._takes()}: {self._wave()}",
            f"  back to  version {group.version}, if hosts fail{self._alarms()}",
        ]

    def _waves(self) -> list[str]:
        lines = []
        for number, size in enumerate(self.waves, 1):
            canary = number == 1 and self.order.canary and len(self.waves) > 1
            watched = f", the canary, watched for {self.order.canary} s" if canary else ""
            lines.append(f"  wave {number}   {size} new host{'s' * (size > 1)}{watched}")
        return lines

    def _takes(self) -> str:
        return f"{'about' if self.pace.measured else 'at least'} {seconds(self.seconds)}"

    def _wave(self) -> str:
        seen = self.pace.seen or "none of its hosts was seen to"
        return (
            f"for each wave {self.pace.boot:.0f} s to boot ({seen}), then the longer of "
            f"{self.pace.health:.0f} s to be found healthy and {self.order.warmup} s to warm up"
        )

    def _alarms(self) -> str:
        return f", or {' or '.join(self.order.alarms)} rings" if self.order.alarms else ""


def outlook(scene: Scene, order: Order, pace: Pace) -> Outlook:
    """Work it out."""
    spare, limit = room(scene, order)
    sizes = waves(order, len(scene.fleet.old), max(1, spare))
    takes = eta(order, max(1, scene.group.desired), sizes, pace)
    refused = tuple(refusals(scene, order))
    return Outlook(scene, order, pace, max(0, spare), limit, tuple(sizes), takes, refused)


def is_done(scene: Scene) -> bool:
    """The group launches from the image, by number, and so did all of its hosts."""
    group = scene.group
    settled = group.image == scene.image.id and not group.floating and group.desired > 0
    return settled and not scene.fleet.old and scene.active is None


def ours(scene: Scene) -> Refresh | None:
    """The refresh under way, if it is the one that would be begun: it is taken up."""
    active = scene.active
    if not active or active.image != scene.image.id:
        return None
    return active if active.ours or active.version == scene.group.version else None
