"""A release is in use as long as any process has any of it open."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path("roles/laravel_app/files/usr/local/lib/bakehouse/releases-in-use")


def load_program() -> Any:
    loader = importlib.machinery.SourceFileLoader("releases_in_use", str(PROGRAM.absolute()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


program = load_program()


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    """Two releases, one's name the beginning of the other's."""
    for name in ("shop-1", "shop-10"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "artisan").write_text("<?php\n")
    return tmp_path


def test_nobody_uses_a_release_that_only_lies_there(releases: Path) -> None:
    assert program.in_use(releases) == set()


def test_a_process_that_works_in_it_uses_it(releases: Path) -> None:
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, cwd=releases / "shop-10", stdin=subprocess.PIPE) as child:
        try:
            assert program.in_use(releases) == {"shop-10"}
        finally:
            child.kill()
    assert program.in_use(releases) == set()


def test_an_open_file_uses_it_and_so_does_the_folder_itself(releases: Path) -> None:
    with (releases / "shop-1/artisan").open():
        assert program.in_use(releases) == {"shop-1"}
    folder = os.open(releases / "shop-10", os.O_RDONLY)
    try:
        assert program.in_use(releases) == {"shop-10"}
    finally:
        os.close(folder)


def test_a_mapped_file_uses_it(releases: Path) -> None:
    with (releases / "shop-1/artisan").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with mapped:
        assert program.in_use(releases) == {"shop-1"}


def test_a_process_that_ended_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "proc/4711").mkdir(parents=True)
    assert program.in_use(tmp_path, proc=tmp_path / "proc") == set()
