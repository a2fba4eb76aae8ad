"""What `scripts/image` answers: for each verb what a program is told, and what a person is."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bakehouse.aws import Account
from bakehouse.cli import abroad
from bakehouse.images import leftovers, lock, moves
from bakehouse.images.account import Images
from bakehouse.images.channels import CHANNELS, trail
from bakehouse.images.collect import collect
from bakehouse.images.comparison import compare
from bakehouse.images.garbage import Decision, Policy, plan, references, time_of
from bakehouse.images.parameters import Channels
from bakehouse.images.record import RECORD
from bakehouse.images.referrers import Referrers
from bakehouse.images.store import store_of
from bakehouse.images.tracker import KEPT, Tracker
from bakehouse.progress import Progress
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from bakehouse.images.image import Image
    from bakehouse.images.moves import Move
    from bakehouse.images.record import Record
    from bakehouse.images.store import Store
    from bakehouse.images.vulnerabilities import Known

Answer = tuple[Any, list[str]]


class NoSuchImage(Trouble):
    """There is no such image of ours; nothing was done."""


class InUse(Trouble):
    """Something refers to the image; nothing was done."""


class SweptHalf(Trouble):
    """Not all that bakes left could be taken away."""


class Desk:
    """One question, and what it takes to answer it."""

    def __init__(
        self,
        asked: argparse.Namespace,
        account: Account | None = None,
        known: Callable[[], Known] | None = None,
    ) -> None:
        """`asked` is what `bakehouse.cli.image` understood; the account is the environment's, and
        what is known of vulnerabilities Debian's.
        """
        self.asked = asked
        self.known = known or (lambda: Tracker(asked.tracker, KEPT).known())
        account = account or Account()
        self.account = account
        self.images = Images(account)
        self.channels = Channels(account)
        self.now = datetime.now(UTC)

    @property
    def store(self) -> Store:
        """Where records are."""
        return store_of(self.account)

    def serve(self) -> int:
        """Answer on standard output; returns the exit status."""
        answer, lines = getattr(self, f"_{self.asked.verb}")()
        print(json.dumps(answer, indent=1) if self.asked.json else "\n".join(lines))
        return 0

    def _find(self, words: str) -> Image:
        baked = self.images.baked()
        found = moves.named(words, baked, self.channels)
        if not found:
            raise NoSuchImage(f"There is no image {words} of ours.", "scripts/image list")
        return found

    def _list(self) -> Answer:
        says = self.channels.now()
        images = sorted(self.images.baked(), key=lambda image: image.created, reverse=True)
        rows = [
            {
                "image": image.id,
                "name": image.name,
                "days": round((self.now - time_of(image.created)).total_seconds() / 86400, 1),
                "state": image.state if image.state != "available" else image.progress,
                "channels": [name for name in CHANNELS if says.get(name) == image.id],
            }
            for image in images
        ]
        if not rows:
            return rows, ["There is no image yet.", "  next: scripts/bake"]
        head = f"{'IMAGE':21}  {'AGE':>7}  {'STATE':11}  {'CHANNELS':23}  NAME"
        return rows, [head, *(_row(row) for row in rows)]

    def _show(self) -> Answer:
        image = self._find(self.asked.image)
        record = self.store.record(image)
        return asdict(record), _shown(image, record)

    def _diff(self) -> Answer:
        first, second = self.asked.before, self.asked.after
        if not second:
            if first not in CHANNELS:
                raise Trouble(f"{first} is compared with what?", f"scripts/image diff {first} dev")
            steps = trail(self.channels.history(first))
            if len(steps) < 2:
                raise Trouble(f"{first} has no image before this one.", "scripts/image list")
            first, second = steps[-2], steps[-1]
        before, after = self._find(first), self._find(second)
        return compare(self.store.record(before), self.store.record(after), self.known())

    def _promote(self) -> Answer:
        asked = self.asked
        move = moves.promotion(
            asked.origin,
            asked.channel,
            asked.image,
            self.images.baked(),
            self.channels,
            self.store,
        )
        return self._moved(move)

    def _rollback(self) -> Answer:
        return self._moved(
            moves.rollback(self.asked.channel, self.images.baked(), self.channels, self.asked.why)
        )

    def _moved(self, move: Move) -> Answer:
        answer = {"channel": move.channel, "image": move.image.id, "was": move.was}
        if move.needless:
            return answer | {"moved": False}, [f"{move.channel} says {move.image.id} already"]
        if self.asked.dry_run:
            said = f"would move {move.channel} from {move.was or 'nothing'} to {move.image.id}"
            return answer | {"moved": False}, [said]
        self.channels.move(move.channel, move.image.id, move.why)
        lines = [
            f"{move.channel}  {move.was or 'nothing'} -> {move.image.id}  {move.image.name}",
            f"  next: scripts/launch GROUP --image {move.image.id}   "
            "(hosts that run are as they were)",
        ]
        return answer | {"moved": True}, lines

    def _copy(self) -> Answer:
        return abroad.copy(self, self._find(self.asked.image))

    def _share(self) -> Answer:
        return abroad.share(self, self._find(self.asked.image))

    def _deprecate(self) -> Answer:
        image = self._find(self.asked.image)
        world = Referrers(self.account, self.images, self.channels)
        kept = references(world.look(), Policy())[image.id]
        if kept:
            reasons = "".join(f"\n  {reason}" for reason in kept)
            raise InUse(f"{image.id} is referred to:{reasons}", "scripts/image gc --dry-run")
        if self.asked.dry_run:
            return {"image": image.id}, [f"would deprecate {image.id}"]
        note = world.act(Decision(image, "deprecate", ("asked for",)), self.now)
        lines = [f"deprecated {image.id}; scripts/image gc disables it, then deletes it"]
        return {"image": image.id, "note": note}, lines + [f"  note: {note}"] * bool(note)

    def _gc(self) -> Answer:
        asked = self.asked
        policy = Policy(
            asked.deprecate_days,
            asked.disable_days,
            asked.delete_days,
            asked.quarantine_days,
            asked.keep_verified,
            asked.keep_versions,
        )
        world = Referrers(self.account, self.images, self.channels)
        decided = (
            [(one, "") for one in plan(world.look(), policy, self.now)]
            if asked.dry_run
            else collect(world, policy, self.now)
        )
        answer = [
            {
                "image": one.image.id,
                "action": one.action,
                "reasons": list(one.reasons),
                "snapshots": list(one.snapshots),
                "note": note,
            }
            for one, note in decided
        ]
        return answer, _told(decided) or ["There is no image yet."]

    def _sweep(self) -> Answer:
        living = lock.living(self.store, lock.utc_now(), lock.this_machine(), lock.is_alive)
        whose = leftovers.of_the_dead(living)
        left = self.images.leftovers(whose)
        if self.asked.dry_run or not left:
            return {"left": str(left)}, [f"would take away {left}" if left else "nothing is left"]
        with Progress() as progress:
            if not leftovers.sweep(self.images, whose, "swept", progress):
                raise SweptHalf("Not all could be taken away.", "scripts/image sweep")
        return {"taken": str(left)}, [f"took away {left}"]


def _shown(image: Image, record: Record) -> list[str]:
    made_with = ", ".join(f"{tool} {version}" for tool, version in sorted(record.tools.items()))
    where = image.tags.get(RECORD, "").rpartition("/")[0]
    return [
        f"{image.id}  {image.name}",
        f"  made       {record.created} by {record.who} (run {record.run})",
        f"  commit     {record.commit}{' and changes to it' if record.dirty else ''}",
        f"  base       {record.base}  {record.base_name}",
        f"  release    {record.release}",
        f"  identity   {record.identity}, of {len(record.inputs)} inputs",
        f"  made with  {made_with}",
        f"  holds      {len(record.packages)} packages",
        f"  state      {image.progress}",
        *_verified(record),
        f"  record     {where}/ (unchanged: its SHA-256 is the image's tag)",
    ]


def _verified(record: Record) -> list[str]:
    how = record.verification
    if not how:
        return ["  verified   NO: no host of it was ever booted"]
    return [
        f"  verified   {how.when}, like {how.like}: {how.passed} tests passed, "
        f"{how.skipped} did not apply; {', '.join(how.pages)}",
        f"  clean      {'; '.join(how.hygiene)}",
    ]


def _row(row: dict[str, Any]) -> str:
    channels = ", ".join(row["channels"])
    age = f"{row['days']:.1f} d"
    return f"{row['image']:21}  {age:>7}  {row['state']:11}  {channels:23}  {row['name']}"


def _told(decided: Sequence[tuple[Decision, str]]) -> list[str]:
    lines = []
    for one, note in decided:
        with_it = f", with {', '.join(one.snapshots)}" if one.snapshots else ""
        lines.append(f"{one.action:9}  {one.image.id}  {one.image.name}{with_it}")
        lines += [f"           {reason}" for reason in one.reasons]
        lines += [f"           note: {note}"] * bool(note)
    return lines
