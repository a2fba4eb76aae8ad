"""`scripts/lab images`: make the images that the lab starts from, where they are not there yet."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bakehouse_lab import images
from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman, PodmanFailed
from bakehouse_lab.settings import Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

EPILOG = """\
exit status: 0 all images are there, 1 one could not be made

examples:
  scripts/lab images           make what is missing or out of date
  scripts/lab images --fresh   make all again, with today's security updates
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Build what is missing; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/lab images",
        description="Make the lab's base images from Debian's packages.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fresh", action="store_true", help="make all again")
    wanted = parser.parse_args(argv)
    settings = Settings()
    podman, recipes = Podman(settings, Machine.look()), images.recipes()
    steps = Steps(len(recipes))
    for recipe in recipes:
        try:
            with steps.step(f"Image {recipe.image}") as step:
                if not images.build(podman, settings, recipe, wanted.fresh):
                    step.note("there already")
        except (images.ImageNotBuilt, PodmanFailed) as failed:
            print(failed, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
