"""`scripts/lab logs`: what the API says, what it was asked, what a host's console shows."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from bakehouse_lab.cli import daemon
from bakehouse_lab.cli.refusal import Refused, need_root, parser
from bakehouse_lab.cli.ssh import pick
from bakehouse_lab.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EPILOG = """\
exit status: 0 shown, 1 there is no such log

examples:
  scripts/lab logs -f calls
  scripts/lab logs staging-web
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Show a log; returns the exit status."""
    parse = parser("logs", "Show a log of the lab.", EPILOG)
    parse.add_argument(
        "what",
        nargs="?",
        default="serve",
        help="serve: the controllers (default); calls: each API call; "
        "or an instance's id or Name: its console",
    )
    parse.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    wanted = parse.parse_args(argv)
    settings = Settings.from_environment()
    try:
        return subprocess.call(_command(settings, wanted.what, wanted.follow))
    except KeyboardInterrupt:
        return 0  # how following ends


def _command(settings: Settings, what: str, follow: bool) -> list[str]:
    files = {"serve": daemon.log_of(settings), "calls": settings.runtime / "calls.log"}
    if what in files:
        return tail(files[what], follow)
    need_root("logs")
    container = f"{settings.prefix}-{pick(settings, what).id}"
    return ["podman", "logs", *(["--follow"] if follow else []), container]


def tail(path: Path, follow: bool) -> list[str]:
    """The words that show a file's end; raises Refused when it cannot be read."""
    if not os.access(path, os.R_OK):
        raise Refused(f"{path} cannot be read; was the lab started? scripts/lab up")
    return ["tail", "--lines=200", *(["--follow=name", "--retry"] if follow else []), str(path)]
