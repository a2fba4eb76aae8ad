"""`scripts/launch GROUP`: put every host of a group on an image, never serving with fewer."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from bakehouse.aws import Account
from bakehouse.cli.ending import told
from bakehouse.fleet.account import Groups
from bakehouse.fleet.group import Done, Resize, Retire, next_step
from bakehouse.fleet.launch import Patience, begin, plan, settle
from bakehouse.progress import Progress, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.fleet.group import Fleet, Step

EPILOG = """\
exit status:
  0    every host runs the image and is healthy in the target group
  1    it is not so; hosts that served before serve on
  2    the command was not understood
  130  interrupted; run it again to go on from where it stopped

examples:
  scripts/launch staging-web --dry-run      say what would be done
  scripts/launch staging-web --image ami-0123456789abcdef0 --size 3
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/launch",
        description="Put every host of a group on an image, one host at a time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = grammar.add_argument
    add("group", help="the Auto Scaling group, as in the inventory")
    add("--image", metavar="AMI", help="default: the newest that scripts/bake made")
    add("--size", type=_size, metavar="N", help="how many hosts; default: as many as now, or 2")
    add("--dry-run", action="store_true", help="say what would be done, and stop")
    add("--patience", type=float, default=300, help="seconds to wait for one host (300)")
    return grammar


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hosts (1 or more)")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return told(lambda: _launch(asked))


def _launch(asked: argparse.Namespace) -> int:
    with Progress() as progress:
        progress.now(f"Looking at {asked.group}")
        cloud = Groups(Account())
        group, image = cloud.group(asked.group), cloud.image(asked.image)
        todo = plan(group, image, asked.size)
        fleet = cloud.see(group, group.version, todo.wanted)
        if not todo.point and isinstance(next_step(fleet), Done):
            print(f"{asked.group}: nothing to do, {_state(fleet)} on {image.id}")
            return 0
        if asked.dry_run:
            print(f"would put {asked.group} on {image.id} ({image.name}): {todo}")
            return 0
        progress.now(f"Putting {asked.group} on {image.id}: {todo}")
        version = begin(cloud, group, image, todo)
        patience = Patience(asked.patience, time.monotonic, lambda: time.sleep(1))
        teller = _Teller(progress)
        fleet = settle(cloud, group, version, todo.wanted, patience, teller)
    print(
        f"{asked.group}: {_state(fleet)} on {image.id} (launch template version {version}), "
        f"after {seconds(progress.elapsed)}"
    )
    return 0


def _state(fleet: Fleet) -> str:
    return f"{fleet.serving} of {fleet.wanted} hosts serve"


class _Teller:
    """Says each step once, however often it is looked at."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._said = ""

    def __call__(self, step: Step, fleet: Fleet) -> None:
        words = _words(step, fleet)
        if words != self._said:
            self._progress.now(words)
            self._said = words


def _words(step: Step, fleet: Fleet) -> str:
    if isinstance(step, Resize):
        return f"Asking for {step.desired} hosts ({_state(fleet)})"
    if isinstance(step, Retire):
        return f"Retiring {step.host.id} ({_state(fleet)})"
    if isinstance(step, Done):
        return f"{_state(fleet)}"
    return f"Waiting: {step.why} ({_state(fleet)})"
