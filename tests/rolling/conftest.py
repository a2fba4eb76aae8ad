"""One lab for the refresh of four, with the machine to itself (`make trial`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.running_lab import FIRST_SLOT, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running_lab import RunningLab


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    """A lab with its example environment, and no image of its own."""
    with running(FIRST_SLOT) as lab:
        yield lab
