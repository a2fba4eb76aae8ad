"""Molecule's scenarios, and how one is tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DEBIAN = "debian-12"


def stands_on_php(scenario: str) -> bool:
    """Whether its hosts get a PHP-FPM before its role."""
    prepare = ROOT / "molecule" / scenario / "prepare.yml"
    return prepare.exists() and ".config/molecule/php.yml" in prepare.read_text()


def made_anew(scenario: str, *more: str, **environment: str) -> None:
    """Try a scenario on new hosts, whatever a run that was interrupted says that there is."""
    molecule("reset", scenario)
    molecule("test", scenario, *more, **environment)


def alone(scenario: str, **environment: str) -> None:
    """Try a role by itself, on the Debian that the lab's images are not of."""
    made_anew(scenario, "--platform-name", DEBIAN, **environment)


def molecule(command: str, scenario: str, *more: str, **environment: str) -> None:
    """Run Molecule, which says what went wrong only on its standard output."""
    beside_python = Path(sys.executable).parent
    done = subprocess.run(
        [beside_python / "molecule", command, "--scenario-name", scenario, *more],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{beside_python}:{os.environ['PATH']}"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = COLOUR.sub("", done.stdout)
    assert done.returncode == 0, f"molecule {command} -s {scenario}:\n{said[-6000:]}"
