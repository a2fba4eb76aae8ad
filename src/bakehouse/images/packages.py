"""What Debian packages a host has, which of two versions is the later, and what changed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# What the playbook asks a host of packages; `parse` reads the answer.
QUERY = (
    "${db:Status-Abbrev}\\t${Package}\\t${Architecture}\\t${Version}"
    "\\t${source:Package}\\t${source:Version}\\n"
)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A binary package that is installed, and the source package that it was built from."""

    name: str
    architecture: str
    version: str
    source: str
    source_version: str


def parse(answer: str) -> tuple[Package, ...]:
    r"""The installed packages in what `dpkg-query -W -f QUERY` says, sorted.

    What was removed and left its configuration is not installed.

    >>> [one.version for one in parse("ii \tnginx\tamd64\t1.26\tnginx\t1.26\nrc \ta\tall\t1\ta\t1")]
    ['1.26']
    """
    rows = (line.split("\t") for line in answer.splitlines())
    return tuple(sorted(Package(*row[1:6]) for row in rows if len(row) == 6 and row[0][1] == "i"))


def compare(left: str, right: str) -> int:
    """Below 0 when `left` is the earlier version, 0 when both are one, above 0 when the later.

    As Debian Policy 5.6.12 says: the epoch, then the upstream version, then the revision; a tilde
    sorts before the end of the word, letters before everything else, and digits as numbers.

    >>> compare("1.0~rc1", "1.0"), compare("1:0.9", "2.0"), compare("1.10", "1.9")
    (-1, 1, 1)
    """
    for ours, theirs in zip(_split(left), _split(right), strict=True):
        order = _compare_words(ours, theirs)
        if order:
            return order
    return 0


def _split(version: str) -> tuple[str, str, str]:
    """Epoch, upstream version, revision; what is left out is 0."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, rest, "0")


def _compare_words(left: str, right: str) -> int:
    """Compare words of characters that are no digits with numbers in between."""
    for ours, theirs in zip_longest(_pieces(left), _pieces(right), fillvalue=([0], 0)):
        if ours != theirs:
            return 1 if ours > theirs else -1
    return 0


def _pieces(word: str) -> list[tuple[list[int], int]]:
    """The word as pairs of weights and a number; an end weighs more than a tilde."""
    found = re.findall(r"(\D*)(\d*)", word)
    return [([*map(_weight, text), 0], int(number or 0)) for text, number in found if text + number]


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


@dataclass(frozen=True, slots=True)
class Moved:
    """A package that is in both images, in two versions."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PackageDiff:
    """What two lists of packages differ in; each part is sorted by name."""

    added: tuple[Package, ...]
    removed: tuple[Package, ...]
    upgraded: tuple[Moved, ...]
    downgraded: tuple[Moved, ...]

    def __bool__(self) -> bool:
        """Whether they differ at all."""
        return bool(self.added or self.removed or self.upgraded or self.downgraded)


def diff(before: Iterable[Package], after: Iterable[Package]) -> PackageDiff:
    """What changed from `before` to `after`; one name on two architectures is two packages."""
    old = {(one.name, one.architecture): one for one in before}
    new = {(one.name, one.architecture): one for one in after}
    both = sorted(old.keys() & new.keys())
    moved = [Moved(key[0], old[key].version, new[key].version) for key in both]
    order = {one: compare(one.before, one.after) for one in moved}
    return PackageDiff(
        added=tuple(new[key] for key in sorted(new.keys() - old.keys())),
        removed=tuple(old[key] for key in sorted(old.keys() - new.keys())),
        upgraded=tuple(one for one in moved if order[one] < 0),
        downgraded=tuple(one for one in moved if order[one] > 0),
    )
