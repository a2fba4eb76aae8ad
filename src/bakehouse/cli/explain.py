"""`scripts/explain`: which role, template and variables made a file on a host, and why."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.cli.ending import told
from bakehouse.roles.explain import Explanation, everything, explain
from bakehouse.roles.sources import roles_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.roles.sources import Variable

ROOT = Path(__file__).resolve().parents[3]

EPILOG = """\
It reads the roles of this repository and asks no host. The values shown are the roles' defaults;
what an inventory says instead: ansible-inventory --host HOST.

exit status:
  0    the file is explained
  1    no role writes it; the nearest ones are named
  2    the command was not understood
  130  interrupted

examples:
  scripts/explain /etc/nginx/nginx.conf
  scripts/explain php-fpm@app.service
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/explain",
        description="Tell which role, template and variables made a file on a host, and why.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = grammar.add_mutually_exclusive_group(required=True)
    what.add_argument("path", nargs="?", metavar="PATH", help="a path on a host, or a unit's name")
    what.add_argument("--list", action="store_true", help="list all that roles write")
    grammar.add_argument("--json", action="store_true", help="for programs")
    return grammar


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    roles = roles_in(ROOT / "roles")

    def command() -> int:
        if asked.list:
            print(*everything(roles), sep="\n")
            return 0
        found = explain(asked.path, roles)
        if asked.json:
            print(json.dumps([each.as_dict() for each in found], indent=2))
        else:
            print(*(page(each) for each in found), sep="\n\n")
        return 0

    return told(command)


def page(found: Explanation) -> str:
    """An explanation as people read it."""
    lines = [found.path, f"  role      {found.role} (roles/{found.role}/README.md)"]
    lines += [f"  from      {found.source}"] if found.source else []
    lines += [f"  task      {name} ({place})" for name, place in found.tasks]
    lines += [line for variable in found.variables for line in ("", *_told(variable))]
    return "\n".join(lines)


def _told(variable: Variable) -> list[str]:
    default = variable.default
    value = default if isinstance(default, str) and default else json.dumps(default)
    why = f"why: {variable.reason}"
    return [
        f"  {variable.name} ({variable.type}), default: {textwrap.shorten(value, 90)}",
        f"    what: {variable.meaning}",
        *textwrap.wrap(why, 100, initial_indent="    ", subsequent_indent="         "),
    ]
