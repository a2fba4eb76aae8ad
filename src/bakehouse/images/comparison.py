"""What differs between two images, by their records: packages, our files, vulnerabilities. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakehouse.images import vulnerabilities
from bakehouse.images.identity import changes
from bakehouse.images.packages import diff

if TYPE_CHECKING:
    from bakehouse.images.record import Record
    from bakehouse.images.vulnerabilities import Known

NOT_EVALUATED = "not evaluated"


def compare(before: Record, after: Record, known: Known) -> tuple[dict[str, Any], list[str]]:
    """The differences for a program, and for a person."""
    packages, ours = diff(before.packages, after.packages), changes(before.inputs, after.inputs)
    found, told = _vulnerabilities(before, after, known)
    answer = {
        "before": before.image,
        "after": after.image,
        "added": {one.name: one.version for one in packages.added},
        "removed": {one.name: one.version for one in packages.removed},
        "upgraded": {one.name: [one.before, one.after] for one in packages.upgraded},
        "downgraded": {one.name: [one.before, one.after] for one in packages.downgraded},
        "inputs": ours.lines(),
        "vulnerabilities": found,
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
        *told,
    ]
    return answer, lines


def _vulnerabilities(
    before: Record, after: Record, known: Known
) -> tuple[dict[str, Any], list[str]]:
    """What was closed and opened; or that nobody knows, and why."""
    if known.data is None:
        line = f"vulnerabilities: {NOT_EVALUATED}: {known.note}"
        return {"evaluated": False, "note": known.note}, [line]
    old, new = (
        vulnerabilities.affecting(one.packages, one.distribution, known.data)
        for one in (before, after)
    )
    found = vulnerabilities.diff(old, new)
    answer = {
        "evaluated": True,
        "note": known.note,
        "closed": {one.id: one.source for one in found.closed},
        "opened": {one.id: one.source for one in found.opened},
        "left": len(found.left),
        "mendable": {one.id: one.source for one in found.mendable},
    }
    lines = [
        f"vulnerabilities: {len(found.closed)} closed, {len(found.opened)} opened, "
        f"{len(found.left)} left (Debian's security tracker, {known.note})",
        *(f"  closed {one}" for one in found.closed),
        *(f"  OPENED {one}" for one in found.opened),
        *(f"  left, though there is a fix: {one}" for one in found.left if one.fixed),
    ]
    return answer, lines
