"""A command that is typed before the set-up says what to type instead."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "name", ["bake", "explain", "image", "launch", "nightly", "package", "refresh"]
)
def test_a_command_before_the_set_up_names_the_set_up(name: str, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(SCRIPTS / name, tmp_path / "scripts")
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make setup" in done.stderr


def test_a_reader_who_has_seen_enough_causes_no_traceback() -> None:
    command = f"{SCRIPTS}/lab env | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
