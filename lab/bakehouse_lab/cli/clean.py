"""`make clean`: take away what Bakehouse left on this machine, and nothing else.

Runs under the system's Python, without `.venv`, which it removes last. Labs are taken down by their
own `scripts/lab reset`; here is only what belongs to none of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.images import FINGERPRINT
from bakehouse_lab.settings import SLOTS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[3]
TREE = (".cache", ".ansible", ".mypy_cache", ".pytest_cache", ".ruff_cache", "build", ".venv")
SOURCES = ("src", "lab", "tests", "ansible", "roles", ".config")  # where Python leaves its own
MOLECULE = "bakehouse.molecule"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_BEFORE = "max_user_instances"  # scripts/setup keeps the value that it found there

EPILOG = """\
Debian packages that setup installed stay: others may have come to need them.

exit status: 0 nothing of Bakehouse is left, 1 something could not be removed (it says what)

examples:
  make clean
  sudo env PYTHONPATH=lab python3 -m bakehouse_lab.cli.clean --dry-run
"""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing to take away; `take` raises OSError or CalledProcessError when it cannot."""

    what: str
    take: Callable[[], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Clean; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make clean",
        description="Take away what Bakehouse left on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be taken away")
    dry = parser.parse_args(argv).dry_run
    status = 0
    for leftover in leftovers():
        print(f"{'would remove' if dry else 'removing'} {leftover.what}", flush=True)
        try:
            if not dry:
                leftover.take()
        except (OSError, subprocess.CalledProcessError) as failed:
            said = getattr(failed, "stderr", None) or str(failed)
            print(f"  could not: {said.strip()[-600:]}", file=sys.stderr)
            status = 1
    return status


def leftovers() -> Iterator[Leftover]:
    """What is there now, in an order in which it can go; looks again after each was taken."""
    for slot in range(SLOTS):
        settings = Settings(slot)
        if settings.state.exists() or settings.runtime.exists():
            yield Leftover(f"the lab {settings.name}", partial(_reset, slot))
    if shutil.which("podman"):
        yield from _of_podman()
    state, runtime = Settings().state.parent, Settings().runtime.parent
    before = runtime / INOTIFY_BEFORE
    if before.exists():
        value = before.read_text()
        yield Leftover(f"the raised limit {INOTIFY}", partial(INOTIFY.write_text, value))
    compiled = [path for top in SOURCES for path in (ROOT / top).rglob("__pycache__")]
    folders = [state, runtime, *compiled, *(ROOT / name for name in TREE)]
    for folder in folders:
        if folder.exists():
            yield Leftover(str(folder), partial(shutil.rmtree, folder))


def _of_podman() -> Iterator[Leftover]:
    for name in _podman("ps", "--all", f"--filter=label={MOLECULE}", "--format={{.Names}}"):
        yield Leftover(f"the container {name}", partial(_podman, "rm", "-f", "--time=0", name))
    # What was baked from a base image has its label, too: an AMI goes before what it is made of.
    for image in dict.fromkeys(
        _podman("images", "--quiet", "--no-trunc", f"--filter=label={FINGERPRINT}")
    ):
        yield Leftover(f"the image {image[:19]}", partial(_remove_image, image))


def _reset(slot: int) -> None:
    subprocess.run(
        [sys.executable, "scripts/lab", "reset", "--yes"],
        cwd=ROOT,
        env=os.environ | {"BAKEHOUSE_LAB_SLOT": str(slot)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )


def _remove_image(image: str) -> None:
    """Without its names first, for podman removes no image that has two; one in use stays."""
    _podman("untag", image)
    _podman("rmi", image)


def _podman(*arguments: str) -> list[str]:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    raise SystemExit(main())
