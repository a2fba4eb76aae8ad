"""The record that is kept with an image: what went in, what is in it, and how it was verified.

It lies in S3 as JSON, and the image's tags carry its digest, so that a record that was changed
afterwards does not pass. Pure; `bakehouse.images.store` brings it there and back.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bakehouse.images.packages import Package
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1

# On the image: where its record lies, and the SHA-256 of it.
RECORD = "bakehouse:record"
DIGEST = "bakehouse:record-sha256"


class BadRecord(Trouble):
    """The record of an image is missing, unreadable or not the one that the image was given."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How a fresh host of the image did, before anyone could use it."""

    when: str  # ISO 8601, UTC
    like: str  # the group whose environment it was booted in
    passed: int  # tests of tests/host
    skipped: int
    pages: tuple[str, ...]  # asked over HTTP, with their statuses
    hygiene: tuple[str, ...]  # what two fresh hosts were compared for
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """An image's record. What could not be found out is empty, never left out."""

    image: str
    name: str
    created: str  # ISO 8601, UTC
    region: str
    run: str
    identity: str
    commit: str
    dirty: bool
    distribution: str
    base: str
    base_name: str
    release: str
    who: str
    tools: Mapping[str, str]
    inputs: Mapping[str, str]
    packages: tuple[Package, ...] = ()
    verification: Verification | None = None
    copy_of: str = ""  # region/ami, of a copy; what is said of the original holds for it
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of what lies beside it

    def verified(self, how: Verification) -> Record:
        """The same with its verification."""
        return replace(self, verification=how)

    def beside(self, digests: Mapping[str, str]) -> Record:
        """The same with the SHA-256 of each file that lies beside it."""
        return replace(self, files=dict(digests))


def written(record: Record) -> bytes:
    """The record as it is kept; the same record gives the same bytes."""
    content = {"schema": SCHEMA, **asdict(record)}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def digest(content: bytes) -> str:
    """What the image's tag says of the record."""
    return hashlib.sha256(content).hexdigest()


def read(content: bytes, expected: str) -> Record:
    """The record in `content`. Raises BadRecord when it is not what the tag promises."""
    if expected and digest(content) != expected:
        raise BadRecord(
            "The record is not the one that the image was given: its SHA-256 is "
            f"{digest(content)[:12]}..., and the image's tag {DIGEST} says {expected[:12]}..."
        )
    try:
        return _record(json.loads(content))
    except (ValueError, TypeError, KeyError) as error:
        raise BadRecord(f"The record cannot be read: {error!r}") from error


def _record(fields: dict[str, Any]) -> Record:
    if fields.pop("schema", None) != SCHEMA:
        raise BadRecord(f"The record is of another version than {SCHEMA}.", "git pull")
    how = fields.pop("verification", None)
    if how:
        how = Verification(
            **{**how, "pages": tuple(how["pages"]), "hygiene": tuple(how["hygiene"])}
        )
    packages = tuple(Package(**package) for package in fields.pop("packages"))
    return Record(**fields, packages=packages, verification=how)
