"""What the linters say of the whole repository: a test for each, so that each is named when red."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


def files(*patterns: str) -> list[str]:
    """What git knows of or would take, as one listing for all linters."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def shell_scripts() -> list[str]:
    """Every file whose first line names a shell, whatever it is called."""
    return [name for name in files() if b"sh" in _interpreter(ROOT / name)]


def _interpreter(path: Path) -> bytes:
    with path.open("rb") as file:
        first = file.readline(80)
    return first.split(b"/")[-1] if first.startswith(b"#!") and b"python" not in first else b""


def _without_jinja(name: str, folder: Path) -> Path:
    """A template with a word for each expression: what shellcheck judges is the shell around it."""
    text = (ROOT / name).read_text()
    text = re.sub(r"^{[{%#].*[}%#]}$", "# jinja", text, flags=re.M)
    copy = folder / name.replace("/", "+")
    copy.write_text(re.sub(r"{{.*?}}", "jinja", text))
    return copy


def clean(*command: str, **environment: str) -> None:
    """Run a tool of the environment, or of the machine; what it says is the failure."""
    path = f"{TOOLS}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": path, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)[:120]}\n{done.stdout[-6000:]}", pytrace=False)


def test_python_keeps_the_rules() -> None:
    clean("ruff", "check")


def test_python_is_formatted() -> None:
    clean("ruff", "format", "--check")


def test_python_is_typed_strictly() -> None:
    clean("mypy")


def test_nobody_imports_what_is_not_theirs_to_know() -> None:
    clean("lint-imports")


def test_ansible_keeps_the_production_profile_without_a_network() -> None:
    # It asks ansible-playbook of each playbook, which would ask AWS for hosts each time.
    clean("ansible-lint", "--offline", ANSIBLE_INVENTORY="localhost,")


def test_yaml_is_well_formed() -> None:
    clean("yamllint", "--strict", ".")


def test_shell_keeps_the_rules(tmp_path: Path) -> None:
    scripts = shell_scripts()
    assert "scripts/setup" in scripts
    templates = [name for name in scripts if name.endswith(".j2")]
    rendered = [str(_without_jinja(name, tmp_path)) for name in templates]
    clean("shellcheck", *sorted(set(scripts) - set(templates)), *rendered)


def test_words_are_spelt_right() -> None:
    clean("codespell", *files())


def test_packer_templates_are_formatted() -> None:
    for folder in sorted({str(Path(name).parent) for name in files("*.pkr.hcl")}):
        clean("packer", "fmt", "-check", "-diff", folder)


def test_packer_takes_the_template_with_all_that_a_bake_hands_over(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    handed = {
        "source_ami": "ami-0123456789abcdef0",
        "image_name": "lint",
        "security_group": "sg-0123456789abcdef0",
        "key_pair_name": "lint",
        "tags": {"Role": "web"},
        "run_tags": {"Name": "lint"},
        "playbook": str(ROOT / "ansible/playbooks/bake.yml"),
        "inventory_directory": str(tmp_path / "inventory"),
        "ansible_variables": str(tmp_path / "variables.json"),
        "manifest": str(tmp_path / "manifest.json"),
    }
    variables = tmp_path / "handed.json"
    variables.write_text(json.dumps(handed))
    clean("packer", "validate", f"-var-file={variables}", "packer")


def test_the_makefile_offers_help() -> None:
    clean("make", "--silent", "help")
