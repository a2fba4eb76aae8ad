"""One fleet for all tests of what is done to it: a lab, an image, two hosts that serve."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.running_lab import FIRST_SLOT, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running_lab import RunningLab


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    """A lab with its example environment, and no image of its own yet."""
    with running(FIRST_SLOT + 1) as lab:
        yield lab


@pytest.fixture(scope="session")
def image(lab: RunningLab) -> str:
    """The id of an image baked in this lab."""
    baked = lab.run("scripts/bake", "--no-verify", "--json", minutes=15)
    return str(json.loads(baked.stdout)["image"])


@pytest.fixture(scope="session")
def fleet(lab: RunningLab, image: str) -> RunningLab:
    """The lab, with a group of two hosts that serve from the image."""
    lab.run("scripts/launch", "staging-web", "--image", image, minutes=10)
    return lab


@pytest.fixture(scope="session")
def converged(fleet: RunningLab) -> RunningLab:
    """The fleet, after site.yml."""
    fleet.run("ansible-playbook", "site.yml", minutes=10)
    return fleet
