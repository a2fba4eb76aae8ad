"""A demo runs site.yml again when it could find something to do, and only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bakehouse_lab.converged import Mark, digest

HOSTS = ("i-1", "i-2")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "site.yml": "- hosts: all\n",
        "ansible.cfg": "[defaults]\n",
        "ansible/playbooks/check.yml": "[]\n",
        "inventories/lab/group_vars/all.yml": "a: 1\n",
        "roles/nginx/tasks/main.yml": "[]\n",
        "src/bakehouse/roles/variables.py": "NAME = 1\n",
        "README.md": "Read me.\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def appends(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / name).open("a") as file:
            file.write("#")

    return change


def renames(root: Path) -> None:
    (root / "roles/nginx/tasks/main.yml").rename(root / "roles/nginx/tasks/other.yml")


@pytest.mark.parametrize(
    "change",
    [
        appends("site.yml"),
        appends("ansible.cfg"),
        appends("ansible/playbooks/check.yml"),
        appends("inventories/lab/group_vars/all.yml"),
        appends("roles/nginx/tasks/main.yml"),
        appends("src/bakehouse/roles/variables.py"),
        renames,
    ],
)
def test_what_site_yml_reads_matters(root: Path, change: Callable[[Path], None]) -> None:
    before = digest(root, HOSTS)
    change(root)
    assert digest(root, HOSTS) != before


def test_what_it_does_not_read_does_not_matter(root: Path) -> None:
    before = digest(root, HOSTS)
    appends("README.md")(root)
    (root / "src/bakehouse/roles/variables.cpython-311.pyc").write_bytes(b"x")
    assert digest(root, reversed(HOSTS)) == before


def test_another_host_matters(root: Path) -> None:
    others = [digest(root, hosts) for hosts in (HOSTS, ("i-1", "i-3"), ("i-1",), ())]
    assert len(set(others)) == 4


def test_the_mark_holds_for_what_it_was_written_for_until_it_is_forgotten(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "converged")
    assert mark.since("abc") == ""
    mark.write("abc")
    assert mark.since("abc").count(":") == 2
    assert mark.since("abd") == ""
    mark.forget()
    mark.forget()
    assert mark.since("abc") == ""


def test_a_mark_that_is_no_mark_is_none(tmp_path: Path) -> None:
    (tmp_path / "converged").write_text("abc")
    assert Mark(tmp_path / "converged").since("abc") == ""
