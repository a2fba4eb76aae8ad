"""Tells of a refresh while it lasts and when it is over: to a person, or as JSON to a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bakehouse.progress import seconds
from bakehouse.refresh.chronicle import Chronicle, bar, calm
from bakehouse.refresh.rolling import CANCELLED, FAILED, ROLLBACK_FAILED, ROLLED_BACK, SUCCESSFUL
from bakehouse.refresh.watch import TurnBack

if TYPE_CHECKING:
    from bakehouse.fleet.account import Group
    from bakehouse.images.image import Image
    from bakehouse.progress import Progress
    from bakehouse.refresh.rolling import Seen
    from bakehouse.refresh.watch import Step

ENDINGS = {
    SUCCESSFUL: "every host is new",
    FAILED: "FAILED; some hosts may be new, some old",
    CANCELLED: "stopped where it was; some hosts may be new, some old",
    ROLLED_BACK: "ROLLED BACK; every host is as before",
    ROLLBACK_FAILED: "THE ROLLBACK FAILED; look at the group now",
}


class Onlooker:
    """Hears each look of `bakehouse.refresh.watch.Watch`."""

    def __init__(self, group: Group, progress: Progress, *, timeline: bool) -> None:
        """`timeline`: each event is a line of JSON on standard output, at once."""
        self._group, self._progress, self._timeline = group, progress, timeline
        self._chronicle = Chronicle()
        self._bar = ""
        self._turned = ""  # why it was turned back by us: AWS does not keep that

    def __call__(self, seen: Seen, step: Step) -> None:
        """Tell what happened since the last look, and how it stands."""
        if isinstance(step, TurnBack):
            self._turned = step.why
        for event in self._chronicle.hear(seen, step):
            if self._timeline:
                print(json.dumps(event.shown()), flush=True)
            if event.what == "status" and seen.refresh.active:
                self._progress.now(f"{event.words} ({self._group.name}, {seen.refresh.id})")
            elif event.what != "status":
                self._progress.say(event.words)
        words = bar(seen)
        if seen.refresh.active and (self._progress.live or calm(words) != self._bar):
            self._progress.detail(words)
            self._bar = calm(words)

    def over(self, seen: Seen, status: int) -> list[str]:
        """What is said of the end."""
        least = self._chronicle.least
        took = seconds(self._progress.elapsed)
        if self._timeline:
            said = stands(self._group, seen) | {"event": "end", "exit": status}
            said |= {"turned": self._turned} if self._turned else {}
            return [json.dumps(said | {"least": least, "took": round(self._progress.elapsed, 1)})]
        served = f"  watched for {took}; never fewer than {least} of {seen.fleet.wanted} served"
        because = [f"  turned back: {self._turned}"] * bool(self._turned)
        return [*ended(self._group, seen), *because, served]

    def nothing_to_do(self, group: Group, image: Image) -> int:
        """Said when every host is new already; returns the exit status."""
        if self._timeline:
            self.end("nothing to do", 0)
        else:
            print(f"{group.name}: nothing to do, every host runs {image.id}")
        return 0

    def end(self, what: str, status: int) -> None:
        """The last line of the timeline, when the end of the refresh was not seen."""
        if self._timeline:
            print(
                json.dumps(
                    {"event": "end", "group": self._group.name, "says": what} | {"exit": status}
                ),
                flush=True,
            )


def stands(group: Group, seen: Seen) -> dict[str, Any]:
    """How it stands, or ended, as JSON has it."""
    refresh, fleet = seen.refresh, seen.fleet
    return {
        "group": group.name,
        "refresh": refresh.id,
        "status": refresh.status,
        "image": refresh.image,
        "version": refresh.version,
        "percentage": refresh.percentage,
        "why": refresh.why,
        "hosts": {
            host.id: {"version": host.version, "lifecycle": host.lifecycle, "target": host.target}
            for host in fleet.hosts
        },
        "new": len(fleet.new),
        "serving": fleet.serving,
        "wanted": fleet.wanted,
    }


def standing(group: Group, seen: Seen) -> list[str]:
    """How a refresh that is under way stands."""
    refresh = seen.refresh
    return [
        f"{group.name}: {refresh.status}, {refresh.percentage} %, to {_what(seen)}",
        f"  {bar(seen)}",
        *_hosts(seen),
        f"  watch:  scripts/refresh {group.name} --watch",
        f"  stop:   scripts/refresh {group.name} --cancel",
        f"  back:   scripts/refresh {group.name} --rollback",
    ]


def ended(group: Group, seen: Seen) -> list[str]:
    """How a refresh ended."""
    refresh, fleet = seen.refresh, seen.fleet
    what = ENDINGS.get(refresh.status, refresh.status)
    if refresh.status == SUCCESSFUL and fleet.old:
        what = f"done, but for {len(fleet.old)} that AWS left as they were"
    lines = [
        f"{group.name}: {what}; {fleet.serving} of {fleet.wanted} hosts serve",
        f"  refresh {refresh.id} to {_what(seen)}: {refresh.status}",
    ]
    leaving = [host.id for host in fleet.hosts if host.leaves]
    lines += [f"  still leaving: {', '.join(leaving)}"] * bool(leaving)
    if refresh.status == SUCCESSFUL:
        return lines
    lines += [f"  why: {refresh.why}"] * bool(refresh.why)
    return [*lines, *_hosts(seen), f"  next: {_next(group, seen)}"]


def _what(seen: Seen) -> str:
    if not seen.refresh.version:
        return "the version that the group names"
    return f"{seen.refresh.image} (launch template version {seen.refresh.version})"


def _hosts(seen: Seen) -> list[str]:
    new = seen.fleet.version
    return [
        f"  {host.id}  {'new' if host.version == new else 'old'}  version {host.version}  "
        f"{host.lifecycle}, {host.target}{f' ({host.reason})' if host.reason else ''}"
        for host in seen.fleet.hosts
    ]


def _next(group: Group, seen: Seen) -> str:
    if seen.refresh.status == ROLLED_BACK:
        return "scripts/image rollback CHANNEL, so that nobody takes that image again"
    if seen.refresh.status == ROLLBACK_FAILED:
        return (
            "aws autoscaling describe-scaling-activities --auto-scaling-group-name "
            f"{group.name} --max-items 5"
        )
    return f"scripts/refresh {group.name} (goes on), or --image {group.image} (goes back)"
