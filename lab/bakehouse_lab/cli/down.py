"""`scripts/lab down`: stop the lab; images and the data of databases stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.cli import daemon, teardown
from bakehouse_lab.cli.refusal import need_root, parser, podman_for
from bakehouse_lab.settings import Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
exit status: 0 the lab is down, 1 something could not be removed

examples:
  scripts/lab down
  scripts/lab down && scripts/lab up     a fresh account, with the AMIs of before
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Stop the process, then remove containers and networks; returns the exit status."""
    parser(
        "down",
        "Stop the lab. AMIs and the data of databases stay for the next 'up'.",
        EPILOG,
    ).parse_args(argv)
    need_root("down")
    settings = Settings.from_environment()
    podman = podman_for(settings)
    with daemon.alone(settings, "down"):
        steps = Steps(3)
        with steps.step("Stop the API") as step:
            teardown.stop_api(settings, step)
        with steps.step("Remove containers") as step:
            teardown.remove_containers(podman, step)
        with steps.step("Remove networks") as step:
            teardown.remove_networks(podman, settings, step)
    return 0
