"""The hardening report is no older than the exceptions that it quotes, and leaves nothing open."""

from __future__ import annotations

import re
from pathlib import Path

from bakehouse_lab.hardening.results import excuses

ROOT = Path(__file__).parents[2]
REPORT = (ROOT / "docs/hardening-report.md").read_text()
NEXT = "try: make harden CONTENT=FOLDER"


def quoted() -> dict[str, set[str]]:
    """Reasons of the report, each with the rules it is for."""
    found = {}
    for line in REPORT.partition("## What fails or is suggested")[2].splitlines():
        if told := re.fullmatch(r"- (.+?)((?:,? `[\w-]+`)+)", line):
            reason = told[1].removesuffix(" (In a container only.)").rstrip()
            found[reason] = set(re.findall(r"`([\w-]+)`", told[2]))
    return found


def test_a_reason_in_the_report_is_the_role_s() -> None:
    given = excuses((ROOT / "roles/hardening/exceptions.yml").read_text())
    rules = {" ".join(each.reason.split()): each.rules for each in given}
    assert quoted(), NEXT
    for reason, named in quoted().items():
        assert reason in rules, f"{reason} {NEXT}"
        assert named <= rules[reason], f"{reason} {NEXT}"


def test_nothing_fails_without_a_reason() -> None:
    rows = re.findall(r"^\| failed and not excused below \|  \| (.+) \| (.+) \|$", REPORT, re.M)
    assert rows == [("none", "none"), ("none", "none")], NEXT
