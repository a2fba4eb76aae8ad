"""What differs between two images, by their records: packages, our files, vulnerabilities. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakehouse.identity import changes
from bakehouse.packages import diff

if TYPE_CHECKING:
    from bakehouse.record import Record

NOT_EVALUATED = "not evaluated: no data of Debian's security tracker was given"


def compare(before: Record, after: Record) -> tuple[dict[str, Any], list[str]]:
    """The differences for a program, and for a person."""
    packages, ours = diff(before.packages, after.packages), changes(before.inputs, after.inputs)
    answer = {
        "before": before.image,
        "after": after.image,
        "added": {one.name: one.version for one in packages.added},
        "removed": {one.name: one.version for one in packages.removed},
        "upgraded": {one.name: [one.before, one.after] for one in packages.upgraded},
        "downgraded": {one.name: [one.before, one.after] for one in packages.downgraded},
        "inputs": ours.lines(),
        "vulnerabilities": NOT_EVALUATED,
    }
    moved = [
        *(f"  + {one.name} {one.version}" for one in packages.added),
        *(f"  - {one.name} {one.version}" for one in packages.removed),
        *(f"  ^ {one.name} {one.before} -> {one.after}" for one in packages.upgraded),
        *(f"  DOWN {one.name} {one.before} -> {one.after}" for one in packages.downgraded),
    ]
    lines = [
        f"{before.image} ({before.created}) -> {after.image} ({after.created})",
        f"packages: {len(packages.added)} added, {len(packages.removed)} removed, "
        f"{len(packages.upgraded)} upgraded, {len(packages.downgraded)} downgraded",
        *moved,
        f"ours: {len(ours.lines())} inputs changed",
        *(f"  {line}" for line in ours.lines()),
        f"vulnerabilities: {NOT_EVALUATED}",
    ]
    return answer, lines
