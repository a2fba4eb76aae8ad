"""Driving packer, against programs that behave as packer was seen to."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from bakehouse.baking.packer import (
    FULL,
    NO_MIRROR,
    BakeFailed,
    BakeTimedOut,
    Event,
    NothingBaked,
    Packer,
    failure_in,
)

GOOD = """\
echo "1,,ui,say,==> amazon-ebs.web: Launching"
echo "1,amazon-ebs.web,artifact,0,id,us-east-1:ami-1"
"""


def program(folder: Path, script: str) -> Path:
    path = folder / "packer"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


def packer(path: Path, timeout: float = 10, hear: list[Event] | None = None) -> Packer:
    heard = hear if hear is not None else []
    return Packer(path, heard.append, timeout, clean_up_seconds=2)


def bake(driver: Packer, folder: Path) -> str:
    return driver.bake(folder, folder / "variables.json")


def test_the_image_that_packer_made_is_returned(tmp_path: Path) -> None:
    assert bake(packer(program(tmp_path, GOOD)), tmp_path) == "ami-1"


def test_packer_is_heard_while_it_runs(tmp_path: Path) -> None:
    heard: list[Event] = []
    driver = packer(program(tmp_path, "echo '1,,ui,say,now'; sleep 30"), hear=heard, timeout=0.5)
    with pytest.raises(BakeTimedOut):
        bake(driver, tmp_path)
    assert heard == [Event("ui", ("say", "now"))]


def test_a_build_that_makes_nothing_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(NothingBaked):
        bake(packer(program(tmp_path, "exit 0")), tmp_path)


def test_a_failure_says_what_the_playbook_said(tmp_path: Path) -> None:
    script = """\
echo "1,,ui,message,    amazon-ebs.web: fatal: [default]: FAILED! => no such package"
echo "1,,ui,error,==> amazon-ebs.web: Error executing Ansible"
exit 1
"""
    with pytest.raises(BakeFailed, match="no such package"):
        bake(packer(program(tmp_path, script)), tmp_path)


def test_an_interrupt_reaches_packer_and_waits_for_it_to_clean_up(tmp_path: Path) -> None:
    script = f"""\
trap 'sleep 0.3; touch {tmp_path}/cleaned; exit 1' INT
touch {tmp_path}/began
while :; do sleep 0.1; done
"""
    driver = packer(program(tmp_path, script))
    interrupt_when(tmp_path / "began")
    with pytest.raises(KeyboardInterrupt):
        bake(driver, tmp_path)
    assert (tmp_path / "cleaned").exists()


def test_a_packer_that_does_not_end_is_killed_with_all_its_children(tmp_path: Path) -> None:
    script = f"""\
trap '' INT TERM
sleep 300 & echo $! > {tmp_path}/child
while :; do sleep 0.1; done
"""
    driver = packer(program(tmp_path, script), timeout=0.5)
    with pytest.raises(BakeTimedOut):
        bake(driver, tmp_path)
    assert gone(int((tmp_path / "child").read_text()))


def test_an_orphan_that_holds_the_pipe_does_not_hold_the_bake(tmp_path: Path) -> None:
    began = time.monotonic()
    bake(packer(program(tmp_path, GOOD + "sleep 300 &")), tmp_path)
    assert time.monotonic() - began < 5


def interrupt_when(there: Path) -> None:
    def watch() -> None:
        while not there.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()


def gone(pid: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("complaint", "meaning"),
    [
        ("Failed to update apt cache after 5 retries:", NO_MIRROR),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", FULL),
        ("cannot copy: failed to write (No space left on device)", FULL),
    ],
)
def test_what_a_build_host_lacks_is_told_with_the_task_that_missed_it(
    complaint: str, meaning: str
) -> None:
    said = [
        "TASK [common : Install what every host has] ****",
        f"[ERROR]: Task failed: Module failed: {complaint}",
        "fatal: [default]: FAILED! =>",
        "TASK [never reached] ****",
    ]
    why = failure_in([Event("ui", ("message", f"    amazon-ebs.web: {line}")) for line in said])
    assert why.splitlines() == [
        "TASK [common : Install what every host has]",
        f"  Task failed: Module failed: {complaint}",
        f"  {meaning}",
    ]
