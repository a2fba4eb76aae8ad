"""What `scripts/refresh` does for each of its words."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bakehouse.aws import Account
from bakehouse.cli.ending import INTERRUPTED
from bakehouse.cli.onlooker import Onlooker, ended, standing, stands
from bakehouse.cli.wanted import wanted_image
from bakehouse.progress import Progress
from bakehouse.refresh.account import Refreshes
from bakehouse.refresh.canary import Allowed
from bakehouse.refresh.contact import Contact, LostContact, lost
from bakehouse.refresh.outlook import is_done, ours, outlook
from bakehouse.refresh.preflight import check, room
from bakehouse.refresh.rolling import (
    CANCELLED,
    ENDS,
    LOST_CONTACT,
    ROLLED_BACK,
    UNDER_WAY,
    Order,
    preferences,
)
from bakehouse.refresh.watch import Limits, Watch, begin, turn, under_way
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from bakehouse.fleet.account import Group
    from bakehouse.refresh.rolling import Refresh


class NothingUnderWay(Trouble):
    """There is no refresh to do this to; nothing was done."""


class Roll:
    """One order, and what it takes to carry it out."""

    def __init__(
        self,
        asked: argparse.Namespace,
        account: Account | None = None,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`asked` is what `bakehouse.cli.refresh` understood; the account is the environment's."""
        self.asked = asked
        self.account = account or Account()
        self.world = Refreshes(self.account, clock)
        self.order = order_of(asked)
        self._contact = Contact(asked.patience, clock, pause)

    def serve(self) -> int:
        """Do it; returns the exit status."""
        group = self._contact.ask(
            lambda: self.world.groups.group(self.asked.group), sit_out_silence=False
        )
        if self.asked.status:
            return self._status(group)
        with Progress() as progress:
            onlooker = Onlooker(group, progress, timeline=self.asked.json)
            try:
                return self._do(group, progress, onlooker)
            except LostContact as trouble:
                onlooker.end("lost contact", LOST_CONTACT)
                print(trouble, file=sys.stderr)
                return LOST_CONTACT
            except KeyboardInterrupt:
                onlooker.end("interrupted", INTERRUPTED)
                print(self._left_behind(group), file=sys.stderr)
                return INTERRUPTED

    def _do(self, group: Group, progress: Progress, onlooker: Onlooker) -> int:
        if self.asked.cancel or self.asked.rollback:
            return self._stop(group, progress, onlooker)
        if self.asked.watch:
            return self._watch(group, self._active(group).id, progress, onlooker)
        return self._refresh(group, progress, onlooker)

    def _refresh(self, group: Group, progress: Progress, onlooker: Onlooker) -> int:
        progress.now(f"Looking at {group.name}")
        ask = self._telling(progress).ask
        image = ask(lambda: wanted_image(self.asked, self.account, self.world, group))
        scene = ask(lambda: self.world.scene(group, image, self.order.alarms))
        if self.asked.plan:
            plan = outlook(scene, self.order, ask(lambda: self.world.pace(group)))
            print(json.dumps(plan.shown()) if self.asked.json else "\n".join(plan.told()))
        elif active := ours(scene):
            progress.say(f"taking up the refresh {active.id}, which is under way")
            return self._watch(group, active.id, progress, onlooker)
        if is_done(scene):
            return 0 if self.asked.plan else onlooker.nothing_to_do(group, image)
        check(scene, self.order)
        if self.asked.plan:
            return 0
        told = preferences(self.order, group.desired, room(scene, self.order)[0])
        progress.now(f"Beginning the refresh of {group.name} to {image.id} ({image.name})")
        id = begin(self.world, group, image, told, self._telling(progress))
        return self._watch(group, id, progress, onlooker)

    def _watch(self, group: Group, id: str, progress: Progress, onlooker: Onlooker) -> int:
        asked = self.asked
        limits = Limits(asked.give_up, Allowed(asked.allow_errors / 100, asked.allow_latency))
        watch = Watch(self.world, group, self._telling(progress), limits, onlooker)
        seen = watch.until_over(id)
        wished = {ROLLED_BACK: asked.rollback, CANCELLED: asked.cancel}.get(seen.refresh.status)
        status = 0 if wished else ENDS[seen.refresh.status]
        print("\n".join(onlooker.over(seen, status)))
        return status

    def _stop(self, group: Group, progress: Progress, onlooker: Onlooker) -> int:
        refresh, contact = self._active(group), self._telling(progress)
        if self.asked.rollback:
            progress.now(f"Turning the refresh {refresh.id} round")
            turn(self.world, group, contact)
        else:
            progress.now(f"Stopping the refresh {refresh.id} where it is")
            contact.ask(lambda: self.world.cancel(group))
        return self._watch(group, refresh.id, progress, onlooker)

    def _status(self, group: Group) -> int:
        contact = self._contact
        try:
            found = contact.ask(lambda: self.world.refreshes(group))
            seen = contact.ask(lambda: self.world.look(group, found[0].id)) if found else None
        except Trouble as trouble:
            print(lost(group.name, trouble), file=sys.stderr)
            return LOST_CONTACT
        if not seen:
            raise NothingUnderWay(
                f"{group.name} was not refreshed in the last weeks.",
                f"scripts/refresh {group.name} --plan",
            )
        status = UNDER_WAY if seen.refresh.active else ENDS[seen.refresh.status]
        words = standing(group, seen) if status == UNDER_WAY else ended(group, seen)
        said = json.dumps(stands(group, seen) | {"exit": status})
        print(said if self.asked.json else "\n".join(words))
        return status

    def _active(self, group: Group) -> Refresh:
        found = self._contact.ask(lambda: under_way(self.world, group))
        if found:
            return found
        then = f"scripts/refresh {group.name} --status"
        if self.asked.rollback:
            then = f"scripts/image rollback CHANNEL, then scripts/refresh {group.name}"
        raise NothingUnderWay(f"No refresh of {group.name} is under way.", then)

    def _telling(self, progress: Progress) -> Contact:
        return replace(self._contact, tell=progress.say)

    def _left_behind(self, group: Group) -> str:
        """What an interrupt leaves, in words: AWS is asked, and nothing assumed."""
        command = f"scripts/refresh {group.name}"
        try:
            active = under_way(self.world, group)
        except Trouble:
            return f"Interrupted, and AWS does not answer.\n  next: {command} --status"
        if not active:
            return "Interrupted; no refresh is under way."
        return (
            f"Interrupted. The refresh {active.id} goes on without us ({active.status}, "
            f"{active.percentage} %).\n  watch:  {command} --watch\n"
            f"  stop:   {command} --cancel\n  back:   {command} --rollback"
        )


def order_of(asked: argparse.Namespace) -> Order:
    """What is asked of the refresh itself."""
    bake = asked.bake if asked.bake is not None else (120 if asked.alarm else 0)
    return Order(
        canary=asked.canary,
        warmup=asked.warmup,
        bake=bake,
        alarms=tuple(asked.alarm),
        at_once=asked.at_once,
        connections=asked.connections,
        connections_per_host=asked.connections_per_host,
        again=asked.again,
    )
