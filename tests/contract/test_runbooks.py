"""What a page for whoever is on call may be relied on for, before anybody runs it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.runbooks import PAGES, ROOT, Command, commands

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def test_there_are_pages() -> None:
    assert {"nightly-bake-failed", "free-image-space"} <= {page.stem for page in PAGES}


@each_page
def test_a_page_begins_with_the_symptom_and_ends_with_a_check(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"\A# .+\n\n\*\*Symptom\.\*\* ", text)
    assert re.findall(r"^## (.*)$", text, re.M)[-1] == "Check"


@each_page
def test_a_page_has_something_to_type_in_each_part_but_where_one_decides(page: Path) -> None:
    parts = re.split(r"^## ", page.read_text(), flags=re.M)[1:]
    silent = [part.split("\n")[0] for part in parts if not commands(part)]
    assert silent in ([], ["Decide"])


@each_page
def test_each_script_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"\bscripts/([\w-]+)", page.read_text()))
    assert named
    assert [name for name in named if not os.access(ROOT / "scripts" / name, os.X_OK)] == []


@each_page
def test_each_option_that_a_page_names_is_one_of_its_command(page: Path) -> None:
    for script, verb, options in re.findall(
        r"\bscripts/([\w-]+)((?: [a-z]+)?)((?: [^`\n#]*)?)", page.read_text()
    ):
        named = re.findall(r"(?<=\s)--[a-z-]+", options)
        if named:
            asked = f"{helps(script, '')}{helps(script, verb.strip())}"
            assert [one for one in named if one not in asked] == [], f"scripts/{script}{verb}"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def helps(script: str, verb: str) -> str:
    """What a command says of itself, and of one of its verbs."""
    if (script, verb) not in _SAID:
        words = [str(ROOT / "scripts" / script), *([verb] if verb else []), "--help"]
        asked = subprocess.run(words, capture_output=True, text=True, check=False)
        _SAID[script, verb] = asked.stdout
    return _SAID[script, verb]


_SAID: dict[tuple[str, str], str] = {}

PAGE = """\
Look at `scripts/image list`.

```console
$ scripts/image list     # what there is
$ scripts/nightly --status   # why (exit 1: not well)
some output
$ scripts/launch GROUP \\
    --image IMAGE
```

```text
$ not run
```
"""


def test_commands_are_read_with_the_status_that_the_page_says() -> None:
    assert commands(PAGE) == [
        Command("scripts/image list", 0),
        Command("scripts/nightly --status", 1),
        Command("scripts/launch GROUP --image IMAGE", 0),
    ]


def test_placeholders_are_filled_and_what_is_none_is_left() -> None:
    command = Command("AWS_REGION=eu-west-1 scripts/launch GROUP --why '5XX' $HOME", 0)
    assert command.placeholders == ["GROUP"]
    assert command.filled({"GROUP": "web"}) == (
        "AWS_REGION=eu-west-1 scripts/launch web --why '5XX' $HOME"
    )
    with pytest.raises(KeyError, match="GROUP"):
        command.filled({})
