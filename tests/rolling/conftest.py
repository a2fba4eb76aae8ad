"""One lab for the refreshes of four, with the machine to itself (`make trial`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.baked_fleet import converged, fleet, image
from tests.running_lab import FIRST_SLOT, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running_lab import RunningLab

__all__ = ["converged", "fleet", "image", "lab"]


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    """A lab with its example environment, and no image of its own yet."""
    with running(FIRST_SLOT) as lab:
        yield lab
