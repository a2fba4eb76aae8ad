"""`scripts/refresh GROUP`: put a group on its channel's image, through AWS's instance refresh."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.cli.ending import told
from bakehouse.cli.roll import Roll
from bakehouse.images.channels import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
New hosts come before old ones go. AWS does the replacing and puts back what fails (the group itself
is changed last); this command looks on, and may be stopped or killed: run again, it takes up the
same refresh. Progress goes to standard error.

A canary is compared with the hosts before it by target health, and by the error rate and latency
that the load balancer has in CloudWatch. Only while this command runs: for a safeguard that needs
nobody, name alarms.

exit status:
  0    every host runs the image; or --cancel, --rollback: it was done
  1    nothing was begun, and why
  2    the command was not understood
  3    AWS says Failed: some hosts are new, some old
  4    Cancelled: some hosts are new, some old
  5    rolled back: every host is as before
  6    the rollback failed: look at the group now
  7    lost contact with AWS, which goes on; look again with --status
  8    --status alone: it is under way
  130  interrupted; a refresh that had begun goes on

examples:
  scripts/refresh staging-web --plan
  scripts/refresh staging-web --canary --alarm staging-5xx
  scripts/refresh staging-web --status
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/refresh",
        description="Replace every host of a group by one of its channel's image.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = grammar.add_argument
    add("group", help="the Auto Scaling group, as in the inventory")
    verbs = grammar.add_mutually_exclusive_group()
    verbs.add_argument("--plan", action="store_true", help="say what would be done, and stop")
    verbs.add_argument("--status", action="store_true", help="say how it stands, or how it ended")
    verbs.add_argument("--watch", action="store_true", help="look on until it is over; begin none")
    verbs.add_argument("--cancel", action="store_true", help="stop it where it is")
    verbs.add_argument("--rollback", action="store_true", help="turn it round")
    add("--json", action="store_true", help="answer in JSON: an event a line, the end last")
    add("--image", metavar="AMI", default="", help="default: what the channel says")
    add("--channel", choices=CHANNELS, help="default: that of the inventory's environment")
    add("--inventory", type=Path, default=Path("inventories/lab"), help="whose environment it is")
    add("--again", action="store_true", help="also an image that was rolled back before")
    _describe_how(grammar)
    return grammar


def _describe_how(grammar: argparse.ArgumentParser) -> None:
    add = grammar.add_argument
    add(
        "--canary",
        type=_seconds,
        nargs="?",
        const=300,
        default=0,
        metavar="SECONDS",
        help="watch one new host for so long before there are more (300)",
    )
    add("--alarm", action="append", default=[], metavar="NAME", help="rolls back when it rings")
    add(
        "--at-once",
        type=_count,
        default=0,
        metavar="N",
        help="new hosts beside the old ones; default: as many as there are up to 4, else a quarter",
    )
    add("--warmup", type=_seconds, default=30, metavar="SECONDS", help="until a host counts (30)")
    add(
        "--bake",
        type=_seconds,
        metavar="SECONDS",
        help="watch all new hosts for so long before it is done (120 with alarms, else 0)",
    )
    add(
        "--give-up",
        type=_seconds,
        default=900,
        metavar="SECONDS",
        help="roll back when new hosts do not come to serve (900; AWS alone: an hour)",
    )
    add(
        "--allow-errors",
        type=float,
        default=1.0,
        metavar="PERCENT",
        help="more 5xx of a canary than of the old hosts (1)",
    )
    add("--allow-latency", type=float, default=1.5, metavar="TIMES", help="as slow (1.5)")
    add("--connections", type=_count, default=0, metavar="N", help="the database's max_connections")
    add("--connections-per-host", type=_count, default=0, metavar="N", help="that one host takes")
    add(
        "--patience",
        type=_seconds,
        default=300,
        metavar="SECONDS",
        help="that AWS may be silent (300)",
    )


def _seconds(text: str) -> int:
    return _number(text, 0, "a number of seconds")


def _count(text: str) -> int:
    return _number(text, 1, "a number, 1 or more")


def _number(text: str, least: int, wanted: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return told(lambda: Roll(asked).serve())
