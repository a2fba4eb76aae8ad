"""`scripts/nightly`: the bake that a timer runs, alone, told to people when something changed."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.aws import Account
from bakehouse.baking import nightly
from bakehouse.baking.nightly import Evening, Night
from bakehouse.baking.workbench import who
from bakehouse.cli import bake, ending
from bakehouse.images import tracker
from bakehouse.images.account import Images
from bakehouse.images.channels import trail
from bakehouse.images.comparison import compare
from bakehouse.images.lock import Lock
from bakehouse.images.parameters import Channels
from bakehouse.images.record import BadRecord
from bakehouse.images.store import store_of
from bakehouse.progress import Progress
from bakehouse.roles.variables import refuse_unknown
from bakehouse.topic import Topic
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bakehouse.images.image import Image
    from bakehouse.images.store import Store
    from bakehouse.images.vulnerabilities import Known

TOPIC = "BAKEHOUSE_TOPIC"
INVENTORY = "BAKEHOUSE_INVENTORY"

EPILOG = """\
Unchanged inputs: says so and ends. Debian's packages are no input (no snapshot of its archive is
named), so an image older than --days is baked anew. A new image is verified before the channel is
moved to it; what differs from the channel's image before goes to the SNS topic, and so does a
failure. After --failures in a row it stops and bakes no more until --resume. Timers set
BAKEHOUSE_TOPIC and BAKEHOUSE_INVENTORY; packer/nightly/ has one for systemd, a cron line and a
workflow.

exit status:
  0    unchanged; or a new image was verified, and the channel moved to it; --status: all is well
  1    it failed (what it made was taken away), it has stopped, or another one goes on; or all went
       well and nobody could be told; --status: something is not as it should be
  2    the command was not understood
  130  interrupted; what the bake made on the way was taken away

examples:
  scripts/nightly --inventory inventories/staging --topic arn:aws:sns:us-east-1:123456789012:images
  scripts/nightly --status      how the last nights went; changes nothing
  scripts/nightly --resume      after failures in a row: go on tonight
"""


class GoesOn(Trouble):
    """Another nightly bake of the channel goes on; nothing was done."""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/nightly",
        description="Bake if anything changed, verify, publish, and tell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = grammar.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say how it stands, and stop")
    what.add_argument("--resume", action="store_true", help="go on after it stopped; bakes nothing")
    add = grammar.add_argument
    add("--topic", default=os.environ.get(TOPIC, ""), metavar="ARN", help="of SNS")
    add("--failures", type=_count, default=3, metavar="N", help="in a row, then it stops (3)")
    add("--days", type=float, default=7, metavar="N", help="bake anew after so many (7)")
    tracker.describe(grammar)
    bake.describe_bake(grammar)
    inventory = Path(os.environ.get(INVENTORY) or grammar.get_default("inventory"))
    grammar.set_defaults(inventory=inventory, force=False, no_verify=False)
    return grammar


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of nights (1 or more)")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return ending.told(lambda: answer(asked, Account()))


def answer(asked: argparse.Namespace, account: Account) -> int:
    """Do what was asked; returns the exit status."""
    store = store_of(account)
    store.check()
    now = datetime.now(UTC)
    if asked.status:
        return _status(asked, store, now)
    if asked.resume:
        return _resume(asked, store)
    refuse_unknown(asked.inventory.resolve(), bake.ROOT / "roles")
    guard = guard_of(store, asked.channel, now)
    holder = guard.take()
    if holder:
        raise GoesOn(f"Another nightly bake goes on: {holder}.", "scripts/nightly --status")
    with guard.kept(), Progress() as progress:
        evening = Evening(
            store=store,
            channel=asked.channel,
            most=asked.failures,
            now=now,
            tell=teller(account, asked.topic, progress),
            say=progress.say,
        )
        done = nightly.night(evening, lambda: _bake(asked, account, now, progress))
    print("\n".join((f"{'new' if done.changed else 'unchanged'}: {done.image}", *done.lines)))
    return 0


def guard_of(store: Store, channel: str, now: datetime) -> Lock:
    """The lock of a channel's night."""
    return Lock(
        store,
        f"locks/nightly-{channel}.json",
        f"nightly-{now:%Y%m%d-%H%M%S}",
        who(),
        f"bake {channel}'s image of the night",
    )


def teller(account: Account, topic: str, progress: Progress) -> Callable[[str, str], str]:
    """How people are told; without a topic they are not, and that is no fault."""
    if topic:
        return Topic(account, topic).tell

    def nobody(subject: str, text: str) -> str:
        progress.say(f"told nobody, as neither --topic nor {TOPIC} is set: {subject}")
        return ""

    return nobody


def _status(asked: argparse.Namespace, store: Store, now: datetime) -> int:
    notes = nightly.read(store, asked.channel)
    well, lines = nightly.standing(notes, asked.channel, asked.failures, now)
    holder = guard_of(store, asked.channel, now).holder()
    lines += [f"  now   {holder}"] if holder else []
    print("\n".join(lines))
    return 0 if well else 1


def _resume(asked: argparse.Namespace, store: Store) -> int:
    notes = nightly.resume(store, asked.channel)
    print(f"the nightly bake of {asked.channel} goes on tonight; now: scripts/nightly")
    if notes.failures < asked.failures:
        print(f"  (it had not stopped: {notes.failures} failures in a row)")
    return 0


def _bake(asked: argparse.Namespace, account: Account, now: datetime, progress: Progress) -> Night:
    want, release = bake.wanted(asked, account, progress)
    images, channels = Images(account), Channels(account)
    steps = trail(channels.history(asked.channel))
    because = nightly.outdated(want, images.baked(), now, asked.days)
    outcome = bake.order(asked, account, want, release, progress, because=because)
    if not outcome.channel:
        return Night(outcome.image.id, changed=False, lines=elsewhere(outcome.image, steps, asked))
    before = steps[-1] if steps else ""
    progress.now("Comparing it with the image before")
    known = tracker.Tracker(asked.tracker, tracker.KEPT).known
    return Night(outcome.image.id, True, tuple(difference(account, before, outcome.image, known)))


def elsewhere(image: Image, steps: Sequence[str], asked: argparse.Namespace) -> tuple[str, ...]:
    """What is worth a word though nothing was done: somebody moved the channel on or back."""
    if not steps or steps[-1] == image.id:
        return ()
    return (f"  note: {asked.channel} says {steps[-1]}; somebody moved it from this one",)


def difference(
    account: Account, before: str, image: Image, known: Callable[[], Known]
) -> list[str]:
    """What differs from the image that the channel said before, for a person."""
    store = store_of(account)
    old = next((one for one in Images(account).baked() if one.id == before), None)
    if not old:
        gone = f"{before}, the one before it, is gone" if before else "there was none before it"
        return [f"nothing to compare it with: {gone}"]
    try:
        return compare(store.record(old), store.record(image), known())[1]
    except BadRecord as trouble:
        return [f"no difference can be told: {trouble.args[0]}"]
