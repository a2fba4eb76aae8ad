"""What an image is made of decides whether it is made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bakehouse_lab import images
from bakehouse_lab.images import Apt, Recipe, explain, fingerprint, sources_for

APT = Apt(sources="Types: deb\n", options="")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "packages").write_text("# boots\nsystemd\n\nsudo\n")
    (tmp_path / "finish").write_text("#!/bin/sh\n")
    (tmp_path / "rootfs" / "hosts").write_text("127.0.0.1 localhost\n")
    return Recipe("localhost/x:1", tmp_path, "trixie")


def test_the_same_recipe_is_not_built_twice(recipe: Recipe, tmp_path: Path) -> None:
    copy = tmp_path.with_name("copy")
    shutil.copytree(recipe.folder, copy)
    again = Recipe(recipe.image, copy, recipe.codename)
    assert fingerprint(recipe, APT, b"ca") == fingerprint(again, APT, b"ca")


@pytest.mark.parametrize(
    "file", ["packages", "finish", "rootfs/hosts", "rootfs/new"], ids=lambda file: file
)
def test_a_changed_file_makes_another_image(recipe: Recipe, file: str) -> None:
    before = fingerprint(recipe, APT, b"ca")
    (recipe.folder / file).write_text("changed\n")
    assert fingerprint(recipe, APT, b"ca") != before


def test_another_mirror_or_authority_or_release_makes_another_image(recipe: Recipe) -> None:
    words = {
        fingerprint(recipe, APT, b"ca"),
        fingerprint(recipe, APT, b"other"),
        fingerprint(recipe, Apt("Types: deb\n", "Acquire::http::Proxy 1"), b"ca"),
        fingerprint(recipe, Apt("other", ""), b"ca"),
        fingerprint(Recipe(recipe.image, recipe.folder, "bookworm"), APT, b"ca"),
    }
    assert len(words) == 5


def test_reasons_between_the_packages_are_not_packages(recipe: Recipe) -> None:
    assert recipe.packages == ("systemd", "sudo")


@pytest.mark.parametrize(
    ("reason", "target"),
    [
        ("a third party's repository", "http://elsewhere/apt/|tools-bookworm|main"),
        ("a third party that names Debian's release", "http://elsewhere/linux/|bookworm|stable"),
        ("backports", "http://m/debian/|bookworm-backports|main"),
        ("firmware", "http://m/debian/|bookworm|non-free-firmware"),
    ],
    ids=lambda value: value if " " in value or value.isalpha() else "",
)
def test_only_debians_own_main_is_taken_over(reason: str, target: str) -> None:
    assert sources_for("trixie", [target], "bookworm") == "", reason


def test_updates_and_security_come_along() -> None:
    targets = ["http://m/debian/|bookworm|main", "http://m/debian/|bookworm-updates|main"]
    said = sources_for("trixie", [*targets, "http://s/|bookworm-security|main"], "bookworm")
    assert "URIs: http://m/debian/\nSuites: trixie trixie-updates\n" in said
    assert "URIs: http://s/\nSuites: trixie-security\n" in said


def test_a_mirror_that_does_not_answer_is_told_from_a_broken_recipe() -> None:
    assert "no mirror answered" in explain("img", "E: Failed to fetch http://m/x")
    assert "mmdebstrap failed" in explain("img", "E: Unable to locate package nonesuch")


def test_every_recipe_has_its_packages_and_a_last_step_that_can_run() -> None:
    for recipe in images.recipes():
        assert recipe.packages, recipe.folder
        assert (recipe.folder / "finish").stat().st_mode & 0o100, recipe.folder
