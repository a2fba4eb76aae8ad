"""What all tests stand on, and which share a process when there are two of them (`make test`).

The lab is started once for all that ask it; Molecule's hosts are made beside it; any other file
goes where there is room. (xdist's own groups do nothing with pytest 9.2: it writes Item._nodeid,
which is gone.)
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer

# A run that a shell started in the background ignores SIGINT, and so would every command that the
# tests start and interrupt (and the test would wait for ever).
signal.signal(signal.SIGINT, signal.default_int_handler)


class Rooms(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """One process for all tests of the lab, one for those of Molecule."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith("tests/lab/") and file != "tests/lab/test_molecule.py":
            return "tests/lab"
        return file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Rooms:
    """Called by xdist, in the process that hands out the tests."""
    return Rooms(config, log)
