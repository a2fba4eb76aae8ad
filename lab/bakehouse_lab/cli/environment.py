"""`scripts/lab environment`: make what is missing of the example environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab import environment
from bakehouse_lab.cli import daemon
from bakehouse_lab.cli.refusal import Refused, need_root, parser
from bakehouse_lab.settings import Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.steps import Step

EPILOG = """\
exit status: 0 the environment is there, 1 it could not be made

examples:
  scripts/lab environment
  scripts/lab down && scripts/lab up --bare && scripts/lab environment
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Make it through the API; returns the exit status."""
    parser(
        "environment", "Make what is missing of the example environment 'staging'.", EPILOG
    ).parse_args(argv)
    need_root("environment")
    settings = Settings.from_environment()
    if not isinstance(daemon.look(settings), daemon.Up):
        raise Refused(f"the lab is down; start it: {settings.command} up")
    with Steps(1).step(STEP) as step:
        make(settings, step)
    return 0


STEP = f"Environment {environment.NAME}"


def make(settings: Settings, step: Step) -> environment.Environment:
    """Make what is missing, telling `step`; raises Refused when AWS's API refuses something."""
    from botocore.exceptions import BotoCoreError, ClientError

    def report(doing: str) -> None:
        step.doing = doing

    try:
        made = environment.make(settings, report)
    except (ClientError, BotoCoreError) as refused:
        raise Refused(
            f"the environment could not be made: {refused}\n"
            f"while: {step.doing}\nsee: scripts/lab logs serve; then: scripts/lab environment"
        ) from refused
    step.note(f"{len(made.made)} things made" if made.made else "there already")
    return made
