"""What happened in a refresh: events worked out from one look to the next. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bakehouse.progress import seconds
from bakehouse.refresh.rolling import BAKING, CANCELLING, IN_PROGRESS, PENDING, ROLLING_BACK
from bakehouse.refresh.watch import TurnBack, Wait

if TYPE_CHECKING:
    from bakehouse.fleet.group import Host
    from bakehouse.refresh.rolling import Seen
    from bakehouse.refresh.watch import Step

WORDS = {
    PENDING: "AWS has taken the order",
    IN_PROGRESS: "Replacing hosts",
    BAKING: "All hosts are new; watching them",
    CANCELLING: "Stopping where it is",
    ROLLING_BACK: "Rolling back",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for a program and for a person."""

    at: float  # seconds since 1970
    what: str  # launched, serves, fails, drains, gone, status, canary, turned, short
    words: str
    host: str = ""

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        said: dict[str, Any] = {"at": round(self.at, 1), "event": self.what}
        return said | ({"host": self.host} if self.host else {}) | {"says": self.words}


@dataclass(slots=True)
class Chronicle:
    """Remembers the look before; the first one tells of the new hosts that are there already."""

    least: int | None = None  # the fewest hosts that served, at any look
    _status: str = ""
    _short: bool = False
    _note: str = ""
    _hosts: dict[str, Host] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def hear(self, seen: Seen, step: Step) -> list[Event]:
        """What has happened since the last look."""
        first = self.least is None
        found = [*self._status_events(seen), *self._host_events(seen, first=first)]
        found += [*self._capacity(seen), *self._decision(seen, step)]
        return found

    def _status_events(self, seen: Seen) -> list[Event]:
        status, refresh = seen.refresh.status, seen.refresh
        if status == self._status:
            return []
        self._status = status
        words = WORDS.get(status, status)
        if status == ROLLING_BACK and refresh.turned:
            words += f": {refresh.turned}"
        return [Event(seen.at, "status", words)]

    def _host_events(self, seen: Seen, *, first: bool) -> list[Event]:
        now = {host.id: host for host in seen.fleet.hosts}
        before, self._hosts = self._hosts, now
        events = []
        for host in now.values():
            self._since.setdefault(host.id, seen.at)
            known = first and host.version != seen.fleet.version
            if not known and (event := self._change(seen, before.get(host.id), host)):
                events.append(event)
        gone = [host for id, host in before.items() if id not in now]
        return events + [Event(seen.at, "gone", f"{host.id} is gone", host.id) for host in gone]

    def _change(self, seen: Seen, was: Host | None, host: Host) -> Event | None:
        if was is None:
            words = f"{host.id} launched, of version {host.version}"
            return Event(seen.at, "launched", words, host.id)
        if host.serves and not was.serves:
            took = seconds(seen.at - self._since[host.id])
            return Event(seen.at, "serves", f"{host.id} serves, after {took}", host.id)
        if host.leaves and not was.leaves:
            return Event(seen.at, "drains", f"{host.id} leaves: {host.lifecycle}", host.id)
        if was.serves and not host.serves:
            return Event(seen.at, "fails", f"{host} and served before", host.id)
        return None

    def _capacity(self, seen: Seen) -> list[Event]:
        serving, wanted = seen.fleet.serving, seen.fleet.wanted
        self.least = serving if self.least is None else min(self.least, serving)
        short = serving < wanted
        began, self._short = short and not self._short, short
        words = f"only {serving} of {wanted} hosts serve"
        return [Event(seen.at, "short", words)] if began else []

    def _decision(self, seen: Seen, step: Step) -> list[Event]:
        if isinstance(step, TurnBack):
            return [Event(seen.at, "turned", f"Asking AWS to roll back: {step.why}")]
        note = step.note if isinstance(step, Wait) else ""
        if note in ("", self._note):
            return []
        self._note = note
        return [Event(seen.at, "canary", note)]


def bar(seen: Seen) -> str:
    """How it stands, in one line.

    New hosts that serve are full, those that come half, old ones empty.
    """
    fleet = seen.fleet
    new = sum(host.serves for host in fleet.new)
    coming = len(fleet.new) - new
    old = max(0, fleet.wanted - new - coming)
    blocks = "■" * new + "▣" * coming + "□" * old
    said = f"{blocks[:40]} {new} of {fleet.wanted} new, {fleet.serving} serve"
    return f"{said}; {short(seen.refresh.reason)}" if seen.refresh.reason else said


def short(reason: str) -> str:
    """AWS's reason without its preamble.

    >>> short("Waiting for instances to warm up before continuing. For example: i-1 is warming up.")
    'i-1 is warming up'
    """
    return reason.rpartition("For example: ")[2].rstrip(".")


def calm(words: str) -> str:
    """Without what changes at each look, so that a log does not repeat it.

    >>> calm("There are 59 seconds left")
    'There are N seconds left'
    """
    return re.sub(r"\d+ seconds", "N seconds", words)
