"""`scripts/package`: make an archive that hosts can serve of an application's folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.cli.ending import told
from bakehouse.release import pack

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]

EPILOG = """\
The same content gives the same bytes and the same name, everywhere. Left out: .git, .env, storage/,
node_modules/ and the caches of another machine. Beside the archive lies its SHA-256.

exit status:
  0    the archive is there; its path is printed
  1    there is none: no Laravel application, or it cannot be packed
  2    the command was not understood
  130  interrupted

examples:
  scripts/package
  scripts/package ~/src/shop --name shop && aws s3 cp build/releases/shop-*.tar.gz s3://artifacts/
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/package",
        description="Pack a Laravel application, its vendor folder included, into one archive.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = grammar.add_argument
    add("folder", type=Path, nargs="?", default=ROOT / "sample_app", metavar="FOLDER")
    add("--name", help="what the release's name starts with; default: the folder's name")
    add("--into", type=Path, default=ROOT / "build/releases", metavar="FOLDER")
    return grammar


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)

    def command() -> int:
        print(pack(asked.folder, asked.into, asked.name).archive)
        return 0

    return told(command)
