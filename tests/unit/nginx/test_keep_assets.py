"""The program that keeps earlier releases' assets in reach, on releases in a folder."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path("roles/nginx/files/usr/local/lib/bakehouse/keep-assets")


def load_program() -> Any:
    loader = importlib.machinery.SourceFileLoader("keep_assets", str(PROGRAM.absolute()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


program = load_program()


class Releases:
    """A host's releases, each made a second after the one before."""

    def __init__(self, place: Path) -> None:
        self.place, self.links, self.made = place / "releases", place / "run" / "app", 0
        self.links.parent.mkdir()

    def make(self, name: str, **assets: str) -> None:
        for asset, text in assets.items():
            path = self.place / name / "public" / "build" / f"{asset}.js"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.made += 1
        os.utime(self.place / name, (self.made, self.made))

    def keep(self) -> None:
        assert program.main([str(self.place), "/build/", str(self.links)]) == 0

    def served(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in self.links.glob("build/*.js")}


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def test_the_assets_of_all_releases_are_in_reach(releases: Releases) -> None:
    releases.make("one", app_1="1")
    releases.make("two", app_2="2")
    releases.keep()
    assert releases.served() == {"app_1": "1", "app_2": "2"}


def test_of_two_with_one_name_the_newer_release_s_is_served(releases: Releases) -> None:
    releases.make("z-old", manifest="old")
    releases.make("a-new", manifest="new")
    releases.keep()
    assert releases.served() == {"manifest": "new"}


def test_what_goes_with_its_release_leaves_nothing(releases: Releases) -> None:
    releases.make("one", app_1="1")
    releases.keep()
    (releases.place / "one" / "public" / "build" / "app_1.js").unlink()
    releases.keep()
    assert releases.served() == {}
    assert len(list(releases.links.parent.iterdir())) == 2, "the link, and the folder it leads to"


def test_a_release_that_is_being_unpacked_does_not_count(releases: Releases) -> None:
    releases.make(".unpack-7", app_1="half")
    releases.keep()
    assert releases.served() == {}


def test_a_release_that_comes_meanwhile_is_not_missed(releases: Releases) -> None:
    times = iter([1, 2, 2])

    def changed(_: Path) -> int:
        now = next(times)
        if now == 2:
            releases.make("late", app_2="2")
        return now

    releases.make("one", app_1="1")
    words = [str(releases.place), "/build/", str(releases.links)]
    assert program.main(words, changed) == 0
    assert releases.served() == {"app_1": "1", "app_2": "2"}


def test_a_host_without_a_release_serves_nothing_and_says_so(
    releases: Releases, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.keep()
    assert releases.served() == {}
    assert capsys.readouterr().out.startswith("0 assets")
