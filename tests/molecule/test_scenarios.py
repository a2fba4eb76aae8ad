"""The roles on real hosts: the whole of them on both Debians, and each alone on one.

`default` is the whole host on Debian 13 and 12: it converges, a second time without changes, and
serves. A role alone is asked on Debian 12, the one that the lab's images are not of: it converges,
serves, and stands what would spoil it. `molecule test --all` does all of that on both, in an hour.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
ALONE = [name for name in SCENARIOS if name != "default"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.timeout(1800)
def test_all_roles_make_good_hosts_of_both_debians_and_then_change_nothing() -> None:
    made_anew("default")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", ALONE)
def test_a_role_alone_makes_a_good_host_and_stands_what_would_spoil_it(scenario: str) -> None:
    made_anew(scenario, "--platform-name", "debian-12")


def made_anew(scenario: str, *more: str) -> None:
    """Try a scenario on new hosts, whatever a run that was interrupted says that there is."""
    molecule("reset", scenario)
    molecule("test", scenario, *more)


def molecule(command: str, scenario: str, *more: str) -> None:
    """Run Molecule, which says what went wrong only on its standard output."""
    beside_python = Path(sys.executable).parent
    done = subprocess.run(
        [beside_python / "molecule", command, "--scenario-name", scenario, *more],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{beside_python}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = COLOUR.sub("", done.stdout)
    assert done.returncode == 0, f"molecule {command} -s {scenario}:\n{said[-6000:]}"
