"""What changes an image's identity, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.images.identity import content_hash

FILES = {"roles/nginx/tasks/main.yml": b"- name: Install", "packer/web.pkr.hcl": b"source"}
FACTS = {"base": "ami-1", "release": "abc"}


@pytest.mark.parametrize(
    ("change", "files", "facts"),
    [
        ("one byte of a role", FILES | {"roles/nginx/tasks/main.yml": b"- name: install"}, FACTS),
        ("a new file", FILES | {"roles/nginx/tasks/more.yml": b""}, FACTS),
        ("a renamed file", {"roles/x": b"- name: Install", "packer/web.pkr.hcl": b"source"}, FACTS),
        ("another base image", FILES, FACTS | {"base": "ami-2"}),
        ("another release", FILES, FACTS | {"release": "abd"}),
    ],
)
def test_what_decides_changes_the_identity(
    change: str, files: dict[str, bytes], facts: dict[str, str]
) -> None:
    assert content_hash(files, facts) != content_hash(FILES, FACTS), change


@pytest.mark.parametrize(
    "name",
    ["roles/nginx/README.md", "roles/nginx/molecule/default/converge.yml", "packer/README.md"],
)
def test_what_never_reaches_a_host_does_not_change_it(name: str) -> None:
    assert content_hash(FILES | {name: b"new"}, FACTS) == content_hash(FILES, FACTS)


@given(st.permutations(list(FILES.items())))
def test_the_order_of_files_does_not_matter(items: list[tuple[str, bytes]]) -> None:
    assert content_hash(dict(items), FACTS) == content_hash(FILES, FACTS)


def test_a_byte_cannot_move_from_one_file_to_the_next_unseen() -> None:
    assert content_hash({"a": b"1", "b": b"2"}, {}) != content_hash({"a": b"12", "b": b""}, {})
