"""`scripts/image`: look at images, move channels between them, and clear away what nobody uses."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bakehouse.cli.desk import Desk
from bakehouse.cli.ending import told
from bakehouse.images import tracker
from bakehouse.images.channels import CHANNELS
from bakehouse.images.garbage import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
An IMAGE is an id, a name, or a channel (dev, staging, production) for what the channel says.

exit status:
  0    done; or, with --dry-run, said what would be done
  1    not done, and why; a channel that could not be moved says what it said before
  2    the command was not understood
  130  interrupted; run it again

examples:
  scripts/image list
  scripts/image diff staging dev
  scripts/image promote dev staging
  scripts/image rollback production --why "500s since 03:10"
  scripts/image copy production --region eu-west-1
  scripts/image share production --account 210987654321
  scripts/image gc --dry-run
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/image",
        description="Look at images, move channels between them, clear away what nobody uses.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = grammar.add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="answer in JSON")
    dry = argparse.ArgumentParser(add_help=False, parents=[common])
    dry.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    verbs.add_parser("list", parents=[common], help="our images, and which channels say them")
    show = verbs.add_parser("show", parents=[common], help="where an image comes from")
    show.add_argument("image", metavar="IMAGE")
    diff = verbs.add_parser("diff", parents=[common], help="what differs between two images")
    diff.add_argument("before", metavar="IMAGE", help="alone: a channel, against its image before")
    diff.add_argument("after", metavar="IMAGE", nargs="?")
    tracker.describe(diff)
    promote = verbs.add_parser("promote", parents=[dry], help="let the next channel say it too")
    promote.add_argument("origin", choices=CHANNELS, metavar="FROM")
    promote.add_argument("channel", choices=CHANNELS, metavar="TO")
    promote.add_argument("--image", default="", metavar="AMI", help="default: what FROM says now")
    back = verbs.add_parser("rollback", parents=[dry], help="let a channel say its image before")
    back.add_argument("channel", choices=CHANNELS, metavar="CHANNEL")
    back.add_argument("--why", default="", help="kept in the channel's history")
    copy = verbs.add_parser(
        "copy", parents=[dry], help="take it to another region, with its record"
    )
    copy.add_argument("image", metavar="IMAGE", help="a channel: the same one there is moved to it")
    copy.add_argument("--region", required=True, help="where to")
    copy.add_argument("--kms-key", default="", metavar="KEY", help="of that region, for its disk")
    share = verbs.add_parser("share", parents=[dry], help="let other accounts launch from it")
    share.add_argument("image", metavar="IMAGE")
    share.add_argument("--account", action="append", required=True, metavar="N", help="12 digits")
    share.add_argument("--end", action="store_true", help="let them no longer")
    old = verbs.add_parser("deprecate", parents=[dry], help="begin to set an image aside")
    old.add_argument("image", metavar="IMAGE")
    _describe_policy(verbs.add_parser("gc", parents=[dry], help="set aside what nothing refers to"))
    verbs.add_parser("sweep", parents=[dry], help="take away what killed bakes left")
    return grammar


def _describe_policy(grammar: argparse.ArgumentParser) -> None:
    policy, add = Policy(), grammar.add_argument
    for step, days in (
        ("deprecate", policy.deprecate_days),
        ("disable", policy.disable_days),
        ("delete", policy.delete_days),
        ("quarantine", policy.quarantine_days),
    ):
        add(f"--{step}-days", type=_days, default=days, metavar="N", help=f"({days:g})")
    for what, count in (("verified", policy.verified), ("versions", policy.versions)):
        add(f"--keep-{what}", type=int, default=count, metavar="N", help=f"({count})")


def _days(text: str) -> float:
    days = float(text)
    if days < 0:
        raise argparse.ArgumentTypeError(f"{text} is before the image was made")
    return days


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return told(lambda: Desk(asked).serve())
