"""Every role on real hosts, Debian 13 and 12: converges, a second time without changes, and serves.

Slow, and one at a time, whoever runs the tests: each scenario boots two hosts with systemd.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
LOCK = Path("/run/lock/bakehouse-molecule")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def turn() -> Iterator[None]:
    """Wait until no other scenario runs on this machine."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_role_makes_good_hosts_of_both_debians_and_then_changes_nothing(
    scenario: str, turn: None
) -> None:
    beside_python = Path(sys.executable).parent
    done = subprocess.run(
        [beside_python / "molecule", "test", "--scenario-name", scenario],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{beside_python}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = COLOUR.sub("", done.stdout)
    assert done.returncode == 0, f"molecule test -s {scenario}:\n{said[-6000:]}"
