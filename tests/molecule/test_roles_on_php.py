"""Roles that stand on PHP-FPM, each alone on a host that has it: `test_roles.py` says of what.

PHP's packages take half a minute. The first scenario leaves an image of its host for the others,
which are as fresh as it: what a role does comes after that.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.molecule.scenarios import DEBIAN, SCENARIOS, alone, stands_on_php


@pytest.fixture(scope="module")
def prepared() -> Iterator[str]:
    """The name of images that this run makes; none is there before, and none after."""
    name = f"localhost/molecule{os.environ.get('BAKEHOUSE_LAB_SLOT', '')}-on-php"
    remove = ["podman", "image", "rm", "--force", "--ignore", f"{name}:{DEBIAN}"]
    subprocess.run(remove, check=True, capture_output=True)
    yield name
    subprocess.run(remove, check=True, capture_output=True)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if stands_on_php(name)])
def test_a_role_makes_a_good_host_and_stands_what_would_spoil_it(
    prepared: str, scenario: str
) -> None:
    alone(scenario, MOLECULE_PREPARED=prepared)
