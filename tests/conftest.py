"""What all tests stand on, and which share a process when there are several (`make test`).

A lab is started once for all tests of its folder; each other file goes where there is room, and so
does each of Molecule's scenarios that needs nothing of another's. (xdist's own groups do nothing
with pytest 9.2: it writes Item._nodeid, which is gone.)
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from tests.waiting import until
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# A run that a shell started in the background ignores SIGINT, and so would every command that the
# tests start and interrupt (and the test would wait for ever).
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy this machine is, and nothing of what it examines.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

TOGETHER = ("tests/lab", "tests/fleet")
EACH_ALONE = ("tests/molecule/test_roles.py",)


class Rooms(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Which tests one process takes as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        if folder in TOGETHER:
            return folder
        return nodeid if file in EACH_ALONE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Rooms:
    """Called by xdist, in the process that hands out the tests."""
    return Rooms(config, log)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a question is answered with yes: `eventually(lambda: ..., seconds=60)`."""
    return until
