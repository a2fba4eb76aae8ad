"""An image's record: complete, the same both ways, and not to be changed unseen."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from bakehouse.images.packages import Package
from bakehouse.images.record import BadRecord, Record, Verification, digest, read, written
from bakehouse.images.sbom import cyclonedx

RECORD = Record(
    image="ami-1",
    name="bakehouse-web-debian-13-20261127-120000",
    created="2026-11-27T12:00:00.000Z",
    region="us-east-1",
    run="20261127-120000-abcdef",
    identity="0123456789abcdef",
    commit="c0ffee",
    dirty=True,
    distribution="debian-13",
    base="ami-0",
    base_name="debian-13-amd64-20261101",
    release="app-1",
    who="ann@build",
    tools={"packer": "1.6.6"},
    inputs={"fact base": "ami-0", "roles/a": "6b86"},
    packages=(Package("libstdc++6", "amd64", "1:14.2-19", "gcc-14", "14.2.0-19"),),
    verification=Verification("2026-11-27", "staging-web", 90, 2, ("/ 200",), ("ids",), 21.5),
)


def test_a_record_comes_back_as_it_went() -> None:
    content = written(RECORD)
    assert read(content, digest(content)) == RECORD


def test_a_record_of_an_image_that_nobody_verified_comes_back_too() -> None:
    content = written(replace(RECORD, verification=None))
    assert read(content, digest(content)).verification is None


def test_a_record_that_was_changed_afterwards_does_not_pass() -> None:
    content = written(RECORD)
    forged = content.replace(b'"passed": 90', b'"passed": 91')
    assert forged != content
    with pytest.raises(BadRecord, match="not the one that the image was given"):
        read(forged, digest(content))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"schema": 1}', b'{"schema": 2}'])
def test_what_is_no_record_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(BadRecord):
        read(content, "")


# The part of CycloneDX 1.5's schema that a bill of packages has to keep, without a network.
COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "library", "operating-system"]},
        "bom-ref": {"type": "string", "minLength": 1},
        "name": {"type": "string"},
        "version": {"type": "string"},
        "purl": {"type": "string", "pattern": "^pkg:deb/debian/[^?]+@[^?]+[?]arch="},
        "properties": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            },
        },
    },
}
BILL = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "version", "metadata", "components"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "http://cyclonedx.org/schema/bom-1.5.schema.json"},
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.5"},
        "serialNumber": {
            "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
        },
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "timestamp": {"type": "string", "pattern": "^[0-9T:.-]+Z$"},
                "tools": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"components": {"type": "array", "items": COMPONENT}},
                },
                "component": COMPONENT,
            },
        },
        "components": {"type": "array", "uniqueItems": True, "items": COMPONENT},
        "dependencies": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["ref"],
                "additionalProperties": False,
                "properties": {"ref": {"type": "string"}, "dependsOn": {"type": "array"}},
            },
        },
    },
}


def test_the_bill_of_materials_has_cyclonedxs_fields_and_no_others() -> None:
    bill = json.loads(cyclonedx(RECORD))
    jsonschema.validate(bill, BILL)
    assert bill["components"][0]["purl"] == (
        "pkg:deb/debian/libstdc++6@1%3A14.2-19?arch=amd64&distro=debian-13"
    )


def test_every_reference_in_the_bill_leads_to_a_component() -> None:
    bill = json.loads(cyclonedx(RECORD))
    there = {one["bom-ref"] for one in bill["components"]} | {RECORD.image}
    named = {ref for one in bill["dependencies"] for ref in (one["ref"], *one["dependsOn"])}
    assert named <= there


def test_one_record_gives_one_bill() -> None:
    assert cyclonedx(RECORD) == cyclonedx(RECORD)
    other = replace(RECORD, image="ami-2")
    assert (
        json.loads(cyclonedx(other))["serialNumber"]
        != json.loads(cyclonedx(RECORD))["serialNumber"]
    )
