"""Loops share a look at the containers, and never a stale one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import LABEL, Podman, Seen, own
from bakehouse_lab.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MACHINE = Machine(True, True, 1024, 1024, ("crun",))

# A podman that counts how often it was asked what there is.
COUNTING = f"""#!/bin/sh
[ "$1" = ps ] || exit 0
echo x >> "$COUNT"
n=$(wc -l < "$COUNT")
echo '[{{"Names":["bakehouse-lab-c'$n'"],"Labels":{{"{LABEL}":"lab"}},'
echo '"State":"exited","Pid":0,"ExitCode":0,"Image":"i"}}]'
"""


def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Podman:
    program = tmp_path / "podman"
    program.write_text(COUNTING)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    return Podman(Settings(), MACHINE)


def test_two_loops_that_look_at_once_share_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = podman(tmp_path, monkeypatch)
    assert [adapter.list()[0].name for _ in range(3)] == [
        "bakehouse-lab-c1",
        "bakehouse-lab-c1",
        "bakehouse-lab-c1",
    ]


def test_what_we_change_ourselves_is_seen_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = podman(tmp_path, monkeypatch)
    adapter.list()
    adapter.start("bakehouse-lab-c1")
    assert adapter.list()[0].name == "bakehouse-lab-c2"


def test_what_others_change_is_seen_when_we_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = podman(tmp_path, monkeypatch)
    adapter.list()
    adapter.look_again()
    assert adapter.list()[0].name == "bakehouse-lab-c2"


def test_a_container_that_somebody_runs_from_an_ami_is_no_instance() -> None:
    def seen(name: str) -> Seen:
        return Seen(name, "instance", "i-1", "running", 1, 0, "", "ami-1", {})

    listed = [seen("bakehouse-lab-i-1"), seen("scratch"), seen("bakehouse-lab1-i-1")]
    assert own(listed, "bakehouse-lab-") == [seen("bakehouse-lab-i-1")]
