"""Every command of every page for whoever is on call, typed in a lab in which it has happened.

A page's scene makes the symptom, names what stands for the page's placeholders, and looks at the
end whether the page was right.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.runbooks import PAGES, commands
from tests.waiting import heard

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)

GROUP = "staging-web"
DEBIAN = "136693071363"  # whose images the lab's base images are

# With a bake's time in its name, one without a run's tag would be swept as half made.
OLD = "bakehouse-web-that-nobody-uses"
BAD = "bakehouse-web-that-never-serves"
FORMER = "bakehouse-web-that-was-better"


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is when a page is opened."""

    fixture: str  # what must be there before
    begin: Callable[[RunningLab], dict[str, str]]  # returns values for placeholders
    end: Callable[[RunningLab], None]


def records(lab: RunningLab) -> str:
    account = lab.client("sts").get_caller_identity()["Account"]
    return f"bakehouse-{account}-{lab.environment['AWS_REGION']}"


def three_nights_failed(lab: RunningLab) -> dict[str, str]:
    """And nobody has verified the image that there is, so the page's bake does, and builds none."""
    lab.mark(serving(lab), "unverified")
    notes = {"failures": 3, "when": "2026-11-27T02:30:00+00:00", "why": "no mirror", "told": True}
    content = json.dumps(notes).encode()
    lab.client("s3").put_object(Bucket=records(lab), Key="nightly/dev.json", Body=content)
    return {}


def dev_says_a_verified_image(lab: RunningLab) -> None:
    said = lab.client("ssm").get_parameter(Name="/bakehouse/dev/web")["Parameter"]["Value"]
    (image,) = lab.client("ec2").describe_images(ImageIds=[said])["Images"]
    tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
    assert tags["bakehouse:state"] == "verified"


def ours(lab: RunningLab) -> list[dict[str, Any]]:
    mine = [{"Name": "tag:Role", "Values": ["web"]}]
    found = lab.client("ec2").describe_images(Owners=["self"], Filters=mine)
    images: list[dict[str, Any]] = found["Images"]
    return images


def give_record(lab: RunningLab, image: str, source: str) -> None:
    """Let the image have the record that another one has."""
    there = {"Bucket": records(lab), "Key": f"images/{source}/record.json"}
    lab.client("s3").copy_object(
        Bucket=records(lab), Key=f"images/{image}/record.json", CopySource=there
    )
    (found,) = lab.client("ec2").describe_images(ImageIds=[source])["Images"]
    digest = [tag for tag in found["Tags"] if tag["Key"] == "bakehouse:record-sha256"]
    lab.client("ec2").create_tags(Resources=[image], Tags=digest)


def serving(lab: RunningLab) -> str:
    """The image that all hosts of the fleet run."""
    found = lab.client("ec2").describe_instances(InstanceIds=lab.settled())["Reservations"]
    (image,) = {one["ImageId"] for page in found for one in page["Instances"]}
    return str(image)


def an_image_that_nobody_uses(lab: RunningLab) -> dict[str, str]:
    lab.copied(serving(lab), OLD, "unverified")
    return {}


def it_is_gone_and_what_serves_is_there(lab: RunningLab) -> None:
    assert OLD not in {image["Name"] for image in ours(lab)}
    assert serving(lab) in {image["ImageId"] for image in ours(lab)}


def a_refresh_to_hosts_that_never_serve_and_nobody_looks_on(lab: RunningLab) -> dict[str, str]:
    """Plain Debian boots, and nothing answers /health."""
    debian = lab.client("ec2").describe_images(Owners=[DEBIAN])["Images"][0]["ImageId"]
    bad = lab.copied(debian, BAD)
    began = lab.begin("scripts/refresh", GROUP, "--image", bad, "--warmup", "5")
    heard(began, "launched")
    began.kill()
    assert began.wait(60) < 0
    return {"GROUP": GROUP}


def the_fleet_serves_what_it_served(lab: RunningLab) -> None:
    (bad,) = [image["ImageId"] for image in ours(lab) if image["Name"] == BAD]
    assert serving(lab) != bad
    lab.client("ec2").deregister_image(ImageId=bad)


def an_image_that_is_regretted(lab: RunningLab) -> dict[str, str]:
    """The fleet serves it, and the channel said another one before."""
    after = serving(lab)
    lab.mark(after, "verified")
    before = lab.copied(after, FORMER)
    give_record(lab, before, after)
    for image in (before, after):
        lab.client("ssm").put_parameter(
            Name="/bakehouse/staging/web", Value=image, Type="String", Overwrite=True
        )
    return {"GROUP": GROUP, "CHANNEL": "staging"}


def the_fleet_serves_the_image_before(lab: RunningLab) -> None:
    """It stays there: the tests that come later ask for hosts, and not for an image."""
    (former,) = [image["ImageId"] for image in ours(lab) if image["Name"] == FORMER]
    assert serving(lab) == former
    said = lab.client("ssm").get_parameter(Name="/bakehouse/staging/web")["Parameter"]["Value"]
    assert said == former


SCENES = {
    "nightly-bake-failed": Scene("converged", three_nights_failed, dev_says_a_verified_image),
    "free-image-space": Scene(
        "fleet", an_image_that_nobody_uses, it_is_gone_and_what_serves_is_there
    ),
    "refresh-stuck": Scene(
        "fleet",
        a_refresh_to_hosts_that_never_serve_and_nobody_looks_on,
        the_fleet_serves_what_it_served,
    ),
    "roll-back-now": Scene("fleet", an_image_that_is_regretted, the_fleet_serves_the_image_before),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_of_a_page_ends_as_the_page_says(
    page: Path, lab: RunningLab, request: pytest.FixtureRequest
) -> None:
    scene = SCENES[page.stem]
    request.getfixturevalue(scene.fixture)
    values = scene.begin(lab)
    for command in commands(page.read_text()):
        lab.run("bash", "-c", command.filled(values), status=command.status, minutes=15)
    scene.end(lab)
