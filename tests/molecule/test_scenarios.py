"""Each role on both Debians: converged, converged again without a change, and a good host after."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
MINUTES = 10


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_role_makes_a_good_host_of_both_debians(scenario: str) -> None:
    path = f"{TOOLS}:{os.environ['PATH']}"
    done = subprocess.run(
        ["molecule", "test", "--scenario-name", scenario],
        cwd=ROOT,
        env=os.environ | {"PATH": path, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=MINUTES * 60,
    )
    if done.returncode:
        pytest.fail(
            f"{done.stdout[-8000:]}\nto look at the host: molecule converge -s {scenario}",
            pytrace=False,
        )
