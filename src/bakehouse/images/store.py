"""The bucket where records of images, locks and the nightly bake's notes lie.

    images/<ami>/record.json, sbom.cdx.json, tests.xml
    locks/<what>.json
    nightly/<channel>.json

Its name is BAKEHOUSE_BUCKET, or bakehouse-<account>-<region>.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bakehouse.aws import code_of, told
from bakehouse.images.record import DIGEST, BadRecord, Record, read
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bakehouse.aws import Account
    from bakehouse.images.image import Image

BUCKET = "BAKEHOUSE_BUCKET"
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"}
_MISSING = {"NoSuchKey", "404", "NoSuchBucket"}


class NoBucket(Trouble):
    """There is nowhere to keep records; nothing was made."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An object, and by what to recognise that nobody changed it since."""

    content: bytes
    tag: str


class Store:
    """Objects by their keys."""

    def __init__(self, account: Account, bucket: str) -> None:
        """Nothing is asked before the first call."""
        self.bucket = bucket
        self._account = account

    @property
    def _s3(self) -> Any:
        return self._account.s3

    def check(self) -> None:
        """Raises NoBucket unless the bucket is there and ours to use."""
        try:
            with told():
                self._s3.head_bucket(Bucket=self.bucket)
        except Trouble as trouble:
            raise NoBucket(
                f"There is no bucket {self.bucket} for the records of images ({trouble.args[0]})",
                f"aws s3 mb s3://{self.bucket}, or export {BUCKET}=...",
            ) from trouble

    def get(self, key: str) -> Kept | None:
        """The object, or None where there is none."""
        try:
            with told():
                found = self._s3.get_object(Bucket=self.bucket, Key=key)
                return Kept(found["Body"].read(), found["ETag"])
        except Trouble as trouble:
            if isinstance(trouble.__cause__, ClientError) and code_of(trouble.__cause__) in (
                _MISSING
            ):
                return None
            raise

    def put(self, key: str, content: bytes) -> str:
        """Write the object; returns its tag."""
        with told():
            return str(self._s3.put_object(Bucket=self.bucket, Key=key, Body=content)["ETag"])

    def put_unless_changed(self, key: str, content: bytes, seen: str) -> str:
        """Write the object if it is the one that was seen (`seen` empty: if there is none).

        Returns its tag; empty when somebody else was faster.
        """
        condition = {"IfMatch": seen} if seen else {"IfNoneMatch": "*"}
        try:
            with told():
                made = self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, **condition)
        except Trouble as trouble:
            if isinstance(trouble.__cause__, ClientError) and code_of(trouble.__cause__) in (
                _CHANGED | _MISSING
            ):
                return ""
            raise
        return str(made["ETag"])

    def delete(self, key: str) -> None:
        """Take the object away; one that is not there is no fault."""
        with told():
            self._s3.delete_object(Bucket=self.bucket, Key=key)

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so; none where there is no bucket."""
        try:
            with told():
                pages = self._s3.get_paginator("list_objects_v2")
                return [
                    one["Key"]
                    for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
                    for one in page.get("Contents", [])
                ]
        except Trouble as trouble:
            if isinstance(trouble.__cause__, ClientError) and code_of(trouble.__cause__) in (
                _MISSING
            ):
                return []
            raise

    def record(self, image: Image) -> Record:
        """The image's record. Raises BadRecord where there is none, or not the image's own."""
        found = self.get(key_of(image.id, "record.json"))
        if not found:
            raise BadRecord(f"{image.id} has no record in {self.bucket}.", "scripts/bake --force")
        return read(found.content, image.tags.get(DIGEST, ""))


def key_of(image: str, name: str) -> str:
    """Where something of an image lies.

    >>> key_of("ami-1", "record.json")
    'images/ami-1/record.json'
    """
    return f"images/{image}/{name}"


def store_of(account: Account, settings: Mapping[str, str] = os.environ) -> Store:
    """The account's store, by setting or by convention."""
    return Store(account, settings.get(BUCKET) or f"bakehouse-{account.number}-{account.region}")
