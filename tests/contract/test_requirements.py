"""docs/host-requirements.md promises tests: they exist, and each requirement names one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/host-requirements.md"
NAMED = re.compile(r"`((?:tests|molecule)/[\w/]+\.py)::(\w+)`")
NO_HOST_ALONE = {9, 12}


def rows() -> dict[int, str]:
    """The requirements by number: each is a row of the table."""
    found = re.findall(r"^\| (\d+) \|(.*)\|$", PAGE.read_text(), flags=re.M)
    return {int(number): row for number, row in found}


def test_every_test_that_the_requirements_name_exists() -> None:
    named = NAMED.findall(PAGE.read_text())
    assert named
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^def {name}\(", (ROOT / file).read_text(), flags=re.M)
    ]
    assert missing == []


def test_every_requirement_names_a_test_or_says_that_there_is_none() -> None:
    for number, row in rows().items():
        assert NAMED.search(row) or "no test yet" in row, number


def test_no_requirement_of_a_host_is_left_out() -> None:
    assert set(rows()) == set(range(1, 21)) - NO_HOST_ALONE
