"""Debian's versions in order, and what changed between two lists of packages."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakehouse.images.packages import Moved, Package, compare, diff, parse

NGINX = Package("nginx", "amd64", "1.26.3-3", "nginx", "1.26.3-3")
PHP = Package("php8.4-fpm", "amd64", "8.4.11-1", "php8.4", "8.4.11-1")


@pytest.mark.parametrize(
    ("rule", "earlier", "later"),
    [
        ("numbers are numbers", "1.9", "1.10"),
        ("an epoch goes before everything", "9.9", "1:0.1"),
        ("a tilde comes before the end", "1.0~rc1-1", "1.0-1"),
        ("two tildes come before one", "1.0~~", "1.0~"),
        ("a revision counts last", "1.0-1", "1.0-1+deb13u1"),
        ("a backport is earlier than what it was made from", "2.1-3~bpo12+1", "2.1-3"),
        ("letters come before other signs", "1.0a", "1.0+"),
        ("no revision is revision 0, which is less than 1", "1.0", "1.0-1"),
        ("the last dash begins the revision", "1.0-rc-1", "1.0-rc-2"),
        ("leading zeros do not count", "1.08", "1.9"),
    ],
)
def test_versions_are_in_debians_order(rule: str, earlier: str, later: str) -> None:
    assert (compare(earlier, later), compare(later, earlier)) == (-1, 1), rule


@pytest.mark.parametrize("same", [("0:1.0", "1.0"), ("1.0", "1.0-0"), ("1.00", "1.0")])
def test_some_versions_are_one_in_two_spellings(same: tuple[str, str]) -> None:
    assert compare(*same) == 0


VERSIONS = st.from_regex(r"\A([0-2]:)?[0-9][0-9a-bA.+~]{0,6}(-[0-9a-b+.~]{1,4})?\Z")


@settings(max_examples=60)
@given(VERSIONS, VERSIONS)
def test_dpkg_orders_versions_as_we_do(left: str, right: str) -> None:
    word = {-1: "lt", 0: "eq", 1: "gt"}[compare(left, right)]
    done = subprocess.run(["dpkg", "--compare-versions", left, word, right], check=False)
    assert done.returncode == 0, (left, word, right)


def test_a_diff_names_what_came_what_went_and_which_way_versions_moved() -> None:
    curl = Package("curl", "amd64", "8.14", "curl", "8.14")
    before = [NGINX, PHP, curl]
    after = [
        replace(NGINX, version="1.26.3-3+deb13u1"),
        replace(PHP, version="8.4.10-1"),
        replace(NGINX, name="nginx-common", architecture="all"),
    ]
    found = diff(before, after)
    assert [one.name for one in found.added] == ["nginx-common"]
    assert found.removed == (curl,)
    assert found.upgraded == (Moved("nginx", "1.26.3-3", "1.26.3-3+deb13u1"),)
    assert found.downgraded == (Moved("php8.4-fpm", "8.4.11-1", "8.4.10-1"),)


def test_two_equal_lists_differ_in_nothing() -> None:
    assert not diff([NGINX, PHP], [PHP, NGINX])


def test_what_is_not_installed_is_not_listed() -> None:
    answer = "ii \tb\tamd64\t2\tb\t2\nrc \tgone\tall\t1\tgone\t1\nii \ta\tall\t1:1\tsource\t1\n"
    assert parse(answer) == (
        Package("a", "all", "1:1", "source", "1"),
        Package("b", "amd64", "2", "b", "2"),
    )
