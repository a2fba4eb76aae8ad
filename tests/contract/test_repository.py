"""What a newcomer may take for granted about the repository."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())


def tracked() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(errors="replace")


def pinned(text: str) -> dict[str, str]:
    """Requirements with exact versions, by normalised name, without extras."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", text, re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_every_folder_is_on_the_readmes_map_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| (`.*?) \|", text_of(Path("README.md")), re.M)
    on_map = {name.strip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    folders = {folder for folder in folders if not folder.startswith(".")}
    assert folders == {name.split("/")[0] for name in on_map if (ROOT / name).is_dir()}
    assert all((ROOT / name).exists() for name in on_map)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(Path(document)))
    assert links or document == "CONTRIBUTING.md"
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_command_explains_itself(script: Path) -> None:
    assert os.access(script, os.X_OK)
    asked = subprocess.run([script, "--help"], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert "exit status" in asked.stdout
    assert "examples:\n" in asked.stdout
    assert asked.stdout.split("examples:")[1].count("scripts/") >= 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_command_refuses_what_it_does_not_know(script: Path) -> None:
    asked = subprocess.run([script, "--nonesuch"], capture_output=True, text=True, check=False)
    assert asked.returncode in (1, 2)
    assert asked.stderr.strip()


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    declared = re.search(r"^\.PHONY: (.*)$", text_of(Path("Makefile")), re.M)
    assert declared
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  make (\w+) +\S", said, re.M))
    assert listed == set(declared[1].split())


def test_direct_dependencies_are_exact_and_the_same_in_the_lock() -> None:
    wanted = text_of(Path("requirements.txt"))
    lines = [line for line in wanted.splitlines() if line and not line.startswith("#")]
    direct, locked = pinned(wanted), pinned(text_of(Path("requirements.lock")))
    assert len(direct) == len(lines)
    assert direct.items() <= locked.items()


def test_nothing_is_installed_that_the_lock_has_no_hash_of() -> None:
    lock = text_of(Path("requirements.lock"))
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.M)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "--require-hashes" in text_of(Path("scripts/setup"))


def test_no_mirror_or_registry_is_named() -> None:
    """Images copy the machine's own sources: a name here would be right on one machine only.

    Debian's security tracker is no mirror: there is one.
    """
    hosts = re.compile(
        r"https?://(?!security-tracker\.)[\w.-]*(?:debian\.org|pypi\.org|docker\.io|quay\.io|ghcr\.io)"
    )
    ours = [path for path in tracked() if path.suffix not in (".lock", ".md")]
    named = {
        str(path): hosts.findall(text_of(path)) for path in ours if path.name != Path(__file__).name
    }
    assert {path: found for path, found in named.items() if found} == {}


def test_no_private_key_and_no_key_of_an_account_is_in_the_repository() -> None:
    secret = re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    )
    assert [str(path) for path in tracked() if secret.search(text_of(path))] == []


def test_no_file_depends_on_where_this_tree_lies() -> None:
    outside = [str(path) for path in tracked() if str(ROOT) in text_of(path)]
    assert outside == []


def test_the_licence_is_apache_2() -> None:
    licence = text_of(Path("LICENSE"))
    assert "Apache License" in licence and "Version 2.0, January 2004" in licence
    assert 'license = "Apache-2.0"' in text_of(Path("pyproject.toml"))


def test_whoever_checks_a_change_runs_what_people_run() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert text_of(Path(".ci/run")).rstrip().endswith("make test")
