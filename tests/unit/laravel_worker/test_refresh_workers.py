"""Which workers start anew after a deploy or a new password, and which are left alone."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path("roles/laravel_worker/files/usr/local/lib/bakehouse/refresh-workers")


def load_program() -> Any:
    loader = importlib.machinery.SourceFileLoader("refresh_workers", str(PROGRAM.absolute()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # dataclasses look there
    loader.exec_module(module)
    return module


program = load_program()
OLD, NEW, PASSWORD = (1, 10), (1, 11), (2, 20)


@pytest.mark.parametrize(
    ("why", "state", "holds", "restarts"),
    [
        ("it has both current files", "active", {NEW, PASSWORD}, False),
        ("other files do not matter", "active", {NEW, PASSWORD, (3, 1)}, False),
        ("it runs the old release", "active", {OLD, PASSWORD}, True),
        ("it has the old environment", "active", {NEW, (2, 19)}, True),
        ("it waits to be started again, holding nothing", "active", set(), True),
        ("it ends its job already", "deactivating", {OLD, PASSWORD}, False),
        ("somebody stopped it", "inactive", set(), False),
        ("systemd is about to start it", "activating", set(), False),
    ],
)
def test_who_starts_anew(why: str, state: str, holds: set[tuple[int, int]], restarts: bool) -> None:
    worker = program.Worker("laravel-worker@1.service", state, frozenset(holds))
    assert bool(program.stale([worker], [NEW, PASSWORD])) is restarts, why


def test_workers_beyond_the_number_are_stopped() -> None:
    workers = [program.Worker(f"laravel-worker@{n}.service", "active", frozenset()) for n in (1, 2)]
    assert program.surplus(workers, ["laravel-worker@1.service"]) == ["laravel-worker@2.service"]


def test_a_file_that_was_replaced_is_another_file(tmp_path: Path) -> None:
    file, fresh = tmp_path / "env", tmp_path / "fresh"
    file.write_text("old")
    with file.open() as kept:
        fresh.write_text("new")
        fresh.replace(file)
        held = program.held(Path(f"/proc/{os.getpid()}/fd"))
        assert program.inode_of(Path(f"/proc/self/fd/{kept.fileno()}")) in held
        assert program.inode_of(file) not in held


def test_nobody_holds_anything_where_there_is_no_process() -> None:
    assert program.held(Path("/proc/0/fd")) == frozenset()


def test_systemd_says_who_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a folder of its own, which is away for a moment whenever it reads its units anew."""
    told = []
    answers = {
        "laravel-worker@*.service": "\n\n".join(
            f"MainPID=0\nId=laravel-worker@{n}.service\nActiveState=active" for n in (1, 2)
        ),
        "laravel-workers.target": "laravel-worker@1.service\n",
    }

    def systemctl(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if words[1] != "show":
            told.append(words)
        return subprocess.CompletedProcess(words, 0, answers.get(words[2], ""))

    monkeypatch.setattr(program.subprocess, "run", systemctl)
    assert program.main(["--surplus"]) == 0
    assert told == [["systemctl", "stop", "--no-block", "laravel-worker@2.service"]]
