"""The table of variables in a role's README, made from what Ansible checks: argument_specs.yml.

`python -m bakehouse.roles.readme roles/*` writes it between the two markers; a contract test holds
the READMEs to it, so that a table is never older than the role.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

BEGIN = "<!-- BEGIN_ANSIBLE_DOCS -->"
END = "<!-- END_ANSIBLE_DOCS -->"


class MarkersMissing(ValueError):
    """A README without a place for the table."""


def table(specs: dict[str, Any]) -> str:
    """Markdown for all entry points of a role, each with its variables; ends with a newline.

    >>> print(table({"main": {"short_description": "Serves", "options": {
    ...     "web_port": {"description": "Where.", "type": "int", "default": 80}}}}), end="")
    **main**: Serves
    <BLANKLINE>
    | Variable | Type | Default | What it is |
    |---|---|---|---|
    | `web_port` | int | `80` | Where. |
    """
    return "\n".join(_entry(name, entry) for name, entry in specs.items())


def filled(readme: str, specs: dict[str, Any]) -> str:
    """The README with its table as it should be. Raises MarkersMissing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise MarkersMissing(f"a README needs the lines {BEGIN} and {END}, in this order")
    return f"{before}{BEGIN}\n\n{table(specs)}\n{END}{after}"


def specs_of(role: Path) -> dict[str, Any]:
    """The entry points of a role as its argument_specs.yml describes them."""
    loaded = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
    found: dict[str, Any] = loaded["argument_specs"]
    return found


def main(argv: list[str]) -> int:
    """Write the tables of the roles in these folders."""
    for role in map(Path, argv):
        readme = role / "README.md"
        readme.write_text(filled(readme.read_text(), specs_of(role)))
    return 0


def _entry(name: str, entry: dict[str, Any]) -> str:
    title = f"**{name}**: {entry['short_description']}\n"
    options = entry.get("options") or {}
    if not options:
        return title
    rows = [_row(option, spec) for option, spec in options.items()]
    head = "| Variable | Type | Default | What it is |\n|---|---|---|---|\n"
    return f"{title}\n{head}{''.join(rows)}"


def _row(name: str, spec: dict[str, Any]) -> str:
    kind = spec["type"] + (f" of {spec['elements']}" if "elements" in spec else "")
    default = "required" if spec.get("required") else f"`{_short(spec.get('default'))}`"
    description = spec["description"]
    words = " ".join(description) if isinstance(description, list) else description
    plain = words.replace("C(", "`").replace(")", "`") if "C(" in words else words
    return f"| `{name}` | {kind} | {default} | {plain} |\n"


def _short(default: object) -> str:
    if isinstance(default, list) and any(isinstance(each, dict) for each in default):
        return "see defaults/main.yml"
    text = default if isinstance(default, str) else json.dumps(default)
    return text.replace("|", "\\|") or '""'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
