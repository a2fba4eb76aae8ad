"""Hosts of our own for the tests of a folder: an image baked in its lab, and a group that serves.

A folder's conftest has the lab, as a fixture for the session, and takes these from here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.running_lab import RunningLab

__all__ = ["converged", "fleet", "image"]


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
