"""Which known vulnerabilities an image has, by the data of Debian's security tracker. Pure.

The tracker's JSON says for each source package, vulnerability and release whether it is open, or in
which version it was resolved. Left out is what Debian calls unimportant (no effect as Debian builds
it) or undetermined (nobody has looked), and what the release does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse.images.packages import compare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bakehouse.images.packages import Package

RELEASES = {"debian-12": "bookworm", "debian-13": "trixie"}

# In the order in which a person wants to read them; what is none of these comes last.
_URGENCIES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Known:
    """The tracker's data, or why there is none."""

    data: Mapping[str, Any] | None
    note: str  # of when the data is; or why it could not be had


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One that a host of an image has."""

    id: str  # CVE-2026-1234
    source: str  # the source package
    version: str  # that the host has
    fixed: str  # in this version of the release; empty while there is none
    urgency: str

    def __str__(self) -> str:
        """The vulnerability for a person."""
        urgency = f", {self.urgency}" if self.urgency in _URGENCIES else ""
        mended = f"fixed in {self.fixed}" if self.fixed else "no fix yet"
        return f"{self.id} {self.source} {self.version}: {mended}{urgency}"


@dataclass(frozen=True, slots=True)
class VulnerabilityDiff:
    """What two images differ in; each part begins with the most urgent."""

    closed: tuple[Vulnerability, ...]  # as they were in the image before
    opened: tuple[Vulnerability, ...]
    left: tuple[Vulnerability, ...]  # in both, as they are in the image after

    @property
    def mendable(self) -> tuple[Vulnerability, ...]:
        """What the image after has though Debian has a fix: the next bake closes it."""
        return tuple(one for one in (*self.opened, *self.left) if one.fixed)


def affecting(
    packages: Iterable[Package], distribution: str, data: Mapping[str, Any]
) -> list[Vulnerability]:
    """The vulnerabilities that a host with those packages has, the most urgent first."""
    release = RELEASES.get(distribution, distribution)
    sources = sorted({(one.source, one.source_version) for one in packages})
    said = [
        (id, source, version, facts.get("releases", {}).get(release, {}))
        for source, version in sources
        for id, facts in data.get(source, {}).items()
    ]
    found = [one for one in (_judge(*what) for what in said) if one]
    return sorted(found, key=lambda one: (_rank(one.urgency), one.source, one.id, one.version))


def _judge(id: str, source: str, version: str, said: Mapping[str, Any]) -> Vulnerability | None:
    """What the tracker says of one release, of this version."""
    status, urgency = said.get("status", ""), said.get("urgency", "")
    fixed = said.get("fixed_version", "")
    if urgency == "unimportant" or status not in ("open", "resolved"):
        return None
    if status == "resolved" and compare(version, fixed) >= 0:
        return None
    return Vulnerability(id, source, version, fixed if status == "resolved" else "", urgency)


def _rank(urgency: str) -> int:
    return _URGENCIES.index(urgency) if urgency in _URGENCIES else len(_URGENCIES)


def diff(before: Iterable[Vulnerability], after: Iterable[Vulnerability]) -> VulnerabilityDiff:
    """What was closed and opened from `before` to `after`; their order is kept.

    One that changed only its package's version is in both.
    """
    before, after = tuple(before), tuple(after)
    old = {(one.id, one.source) for one in before}
    new = {(one.id, one.source) for one in after}
    return VulnerabilityDiff(
        closed=tuple(one for one in before if (one.id, one.source) not in new),
        opened=tuple(one for one in after if (one.id, one.source) not in old),
        left=tuple(one for one in after if (one.id, one.source) in old),
    )
