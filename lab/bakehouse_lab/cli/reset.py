"""`scripts/lab reset`: stop the lab and remove all that it made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bakehouse_lab.cli import daemon, teardown
from bakehouse_lab.cli.refusal import Refused, need_root, parser, podman_for
from bakehouse_lab.settings import Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.podman import Podman

EPILOG = """\
exit status: 0 nothing of the lab is left, 1 not done

The base images and the certificate authority are shared with other labs of this machine and stay.

examples:
  scripts/lab reset
  scripts/lab reset --yes && scripts/lab up
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, then remove everything that carries the lab's label; returns the exit status."""
    parse = parser(
        "reset", "Stop the lab and remove its AMIs, the data of its databases, and logs.", EPILOG
    )
    parse.add_argument("--yes", action="store_true", help="do not ask")
    wanted = parse.parse_args(argv)
    need_root("reset")
    settings = Settings.from_environment()
    podman = podman_for(settings)
    with daemon.alone(settings, "reset"):
        if not wanted.yes:
            _ask(settings, podman)
        _remove(settings, podman)
    return 0


def _ask(settings: Settings, podman: Podman) -> None:
    own = [name for name in podman.images(teardown.AMI) if teardown.is_own(settings, name)]
    print(
        f"This removes {settings.name}: {len(own)} AMIs, {len(podman.volumes())} volumes with the "
        f"data of databases, {len(podman.list())} containers, and {settings.state}."
    )
    if not sys.stdin.isatty():
        raise Refused(
            "nobody is there to say yes, nothing was removed; try: scripts/lab reset --yes"
        )
    if input("Type yes to go on: ").strip() != "yes":
        raise Refused("nothing was removed")


def _remove(settings: Settings, podman: Podman) -> None:
    steps = Steps(6)
    with steps.step("Stop the API") as step:
        teardown.stop_api(settings, step)
    with steps.step("Remove containers") as step:
        teardown.remove_containers(podman, step)
    with steps.step("Remove networks") as step:
        teardown.remove_networks(podman, settings, step)
    with steps.step("Remove AMIs") as step:
        teardown.remove_images(podman, settings, step)
    with steps.step("Remove volumes") as step:
        teardown.remove_volumes(podman, step)
    with steps.step("Remove folders"):
        teardown.remove_state(settings)
