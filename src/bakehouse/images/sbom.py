"""A bill of materials in CycloneDX 1.5 JSON, of the packages that an image's record lists. Pure."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from bakehouse.images.packages import Package
    from bakehouse.images.record import Record


def cyclonedx(record: Record) -> bytes:
    """The bill; the same record gives the same bytes.

    The serial number is made of the image's id and identity, so that it is the image's own.
    """
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.image}/{record.identity}")
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": _metadata(record),
        "components": [_component(one, record.distribution) for one in record.packages],
        "dependencies": [
            {
                "ref": record.image,
                "dependsOn": [_purl(one, record.distribution) for one in record.packages],
            }
        ],
    }
    return (json.dumps(bill, indent=1, sort_keys=True) + "\n").encode()


def _metadata(record: Record) -> dict[str, Any]:
    return {
        "timestamp": record.created,
        "tools": {"components": [{"type": "application", "name": "bakehouse"}]},
        "component": {
            "type": "operating-system",
            "bom-ref": record.image,
            "name": record.name,
            "version": record.identity,
            "properties": [
                {"name": "bakehouse:base-ami", "value": record.base},
                {"name": "bakehouse:commit", "value": record.commit},
                {"name": "bakehouse:release", "value": record.release},
            ],
        },
    }


def _component(package: Package, distribution: str) -> dict[str, Any]:
    purl = _purl(package, distribution)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "properties": [
            {"name": "debian:source", "value": package.source},
            {"name": "debian:source-version", "value": package.source_version},
        ],
    }


def _purl(package: Package, distribution: str) -> str:
    """The package's URL, as the purl specification writes Debian's packages."""
    name, version = quote(package.name, safe="+"), quote(package.version, safe="~")
    return f"pkg:deb/debian/{name}@{version}?arch={package.architecture}&distro={distribution}"
