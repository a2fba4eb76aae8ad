"""Keep an image's record: write it beside what it speaks of, and its digest on the image.

The tags come last. Until then the image is its bake's; from then on it is a finished one, and what
it says of itself can be checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bakehouse.images.image import STATE, UNVERIFIED, VERIFIED, Image, Wanted
from bakehouse.images.packages import parse
from bakehouse.images.record import DIGEST, RECORD, Record, digest, written
from bakehouse.images.sbom import cyclonedx
from bakehouse.images.store import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPORT = "tests.xml"


class Store(Protocol):
    """What this needs of the bucket; `bakehouse.images.store.Store` has it."""

    bucket: str

    def put(self, key: str, content: bytes) -> str:
        """Write an object."""


class Account(Protocol):
    """What this needs of EC2; `bakehouse.images.account.Images` has it."""

    def mark(self, image: Image, tags: Mapping[str, str]) -> None:
        """Write tags on an image and its snapshots."""


def describe(image: Image, want: Wanted, run: str, region: str, listed: str) -> Record:
    """The record of an image that was just built; `listed` is what dpkg-query said of it."""
    return Record(
        image=image.id,
        name=image.name,
        created=image.created,
        region=region,
        run=run,
        identity=want.content_hash,
        commit=want.commit,
        dirty=want.dirty,
        distribution=want.distribution,
        base=want.base.id,
        base_name=want.base.name,
        release=want.release,
        who=want.who,
        tools=dict(want.tools),
        inputs=dict(want.inputs),
        packages=parse(listed),
    )


def keep(
    store: Store,
    account: Account,
    image: Image,
    record: Record,
    report: bytes,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write the record, its bill of materials and the report of the tests (empty: there is none);
    then mark the image, with `tags` besides, in one call.
    """
    beside = {"sbom.cdx.json": cyclonedx(record)}
    if record.verification and report:
        beside[REPORT] = report
    for name, content in beside.items():
        store.put(key_of(image.id, name), content)
    record = record.beside({name: digest(content) for name, content in beside.items()})
    content = written(record)
    key = key_of(image.id, "record.json")
    store.put(key, content)
    done = marks(record, f"s3://{store.bucket}/{key}", digest(content))
    account.mark(image, {**(tags or {}), **done})


def report_in(folder: Path) -> bytes:
    """The report of the tests in a run's folder; empty when there is none."""
    report = folder / REPORT
    return report.read_bytes() if report.is_file() else b""


def marks(record: Record, where: str, its_digest: str) -> dict[str, str]:
    """The tags by which a finished image is known; `bakehouse:state` says how far it came."""
    return {
        STATE: VERIFIED if record.verification else UNVERIFIED,
        RECORD: where,
        DIGEST: its_digest,
    }
