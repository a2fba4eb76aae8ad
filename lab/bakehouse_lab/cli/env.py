"""`scripts/lab env`: what points AWS clients at the lab."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from bakehouse_lab.cli import account, daemon
from bakehouse_lab.cli.refusal import parser
from bakehouse_lab.settings import REGION, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
exit status: 0

examples:
  eval "$(scripts/lab env)"
  env $(scripts/lab env | sed 's/^export //') aws sts get-caller-identity
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print shell commands; returns the exit status."""
    parser("env", "Print what points AWS clients at the lab.", EPILOG).parse_args(argv)
    settings = Settings.from_environment()
    for name, value in exports(settings).items():
        print(f"export {name}={shlex.quote(value)}")
    if isinstance(daemon.look(settings), daemon.Down):
        print(f"lab: the lab is down; start it: {settings.command} up", file=sys.stderr)
    return 0


def exports(settings: Settings) -> dict[str, str]:
    """The variables, by name."""
    return {
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        **account.CREDENTIALS,
        "BAKEHOUSE_SSH_KEY": str(account.private_key(settings)),
    }
