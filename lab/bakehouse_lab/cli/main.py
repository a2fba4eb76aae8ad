"""`scripts/lab`: finds the verb, and says what went wrong in one sentence."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from typing import TYPE_CHECKING

from bakehouse_lab.cli.refusal import Refused
from bakehouse_lab.podman import PodmanFailed
from bakehouse_lab.settings import Settings, UnusableSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "up": "start the lab and make its example environment",
    "down": "stop the lab; images and the data of databases stay",
    "status": "show what runs, and what a success here does not prove",
    "env": "print what points AWS clients at the lab",
    "ssh": "log in to an instance, or run a command there",
    "logs": "show the log of the API, of its calls, or an instance's console",
    "environment": "make what is missing of the example environment",
    "images": "make the images that the lab starts from",
    "doctor": "say what this machine lacks, and how to mend it",
    "reset": "stop the lab and remove all that it made",
}

EPILOG = """\
BAKEHOUSE_LAB_SLOT=1..7 names one more lab beside the usual one.

exit status: 0 done, 1 not done (the message says why, and what to type next), 2 no such verb or
option; `status` has 3 for a lab that is down, `ssh` the status of what it ran

examples:
  scripts/lab up
  eval "$(scripts/lab env)" && aws ec2 describe-instances
"""

INTERRUPTED = 130
READER_GONE = 141  # what a shell shows for a program that SIGPIPE ended
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb that is named first; returns the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    verb = given[0] if given and given[0] in VERBS else None
    if verb is None:
        _parser().parse_args(given)
        _parser().print_help()
        return 2
    return _run(verb, given[1:])


def _run(verb: str, options: Sequence[str]) -> int:
    try:
        module = importlib.import_module(f"bakehouse_lab.cli.{verb}")
        status: int = module.main(options)
    except ModuleNotFoundError as absent:
        if (absent.name or "").startswith("bakehouse_lab"):
            raise
        status = _say(f"the package {absent.name} is not here; try: make setup")
    except (Refused, UnusableSetting, PodmanFailed) as refused:
        status = _say(str(refused))
    except BrokenPipeError:  # who read has seen enough: '| head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = READER_GONE
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        status = _say(
            f"{error}; make room (df -h), then: {Settings.from_environment().command} {verb}"
        )
    except KeyboardInterrupt:
        _say("interrupted")
        status = INTERRUPTED
    return status


def _say(why: str) -> int:
    print(f"lab: {why}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:12} {what}" for name, what in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/lab",
        usage="scripts/lab VERB [OPTION...]",
        description=f"AWS on a desk: moto serves the API, real hosts stand behind it.\n\n{listed}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", nargs="?", choices=VERBS, help=argparse.SUPPRESS, metavar="VERB")
    return parser
