"""The lines of a file, none twice and none lost, whatever is done to the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bakehouse_lab.agent_standin.configuration import ANY_START
from bakehouse_lab.agent_standin.tail import Tail

START = re.compile(ANY_START)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path / "var" / "a.log"


@pytest.fixture
def tail(tmp_path: Path) -> Tail:
    return Tail(tmp_path, "/var/*.log", START)


def write(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_a_file_is_read_from_its_beginning_and_each_line_once(log: Path, tail: Tail) -> None:
    write(log, "a\nb\n")
    assert tail.lines() == ["a"]
    assert tail.lines() == ["b"]
    assert tail.lines() == []


def test_the_last_event_waits_until_the_file_is_quiet(log: Path, tail: Tail) -> None:
    write(log, "a\n at x\n")
    assert tail.lines() == []
    write(log, " at y\n")
    assert tail.lines() == []
    assert tail.lines() == ["a", " at x", " at y"]


def test_a_file_that_is_never_quiet_is_shipped_all_the_same(log: Path, tail: Tail) -> None:
    shipped = []
    for number in range(5):
        write(log, f"{number}\n")
        shipped += tail.lines()
    assert shipped == ["0", "1", "2", "3"]


def test_half_a_line_waits_for_its_other_half(log: Path, tail: Tail) -> None:
    write(log, "a\nhal")
    assert tail.lines() + tail.lines() == ["a"]
    write(log, "f\n")
    assert tail.lines() + tail.lines() == ["half"]


def test_a_file_that_is_renamed_and_made_anew_loses_nothing(log: Path, tail: Tail) -> None:
    write(log, "a\n")
    tail.lines()
    write(log, "b\n")
    log.rename(log.with_name("a.log.1"))
    write(log, "c\n")
    assert tail.lines() + tail.lines() == ["a", "b", "c"]


def test_a_file_that_is_cut_off_is_read_from_its_beginning(log: Path, tail: Tail) -> None:
    write(log, "a long line\n")
    assert tail.lines() + tail.lines() == ["a long line"]
    log.write_text("b\n")
    assert tail.lines() + tail.lines() == ["b"]


def test_two_stars_stand_for_folders_and_for_a_name(tmp_path: Path) -> None:
    deep = tmp_path / "var" / "app" / "slow.log"
    deep.parent.mkdir(parents=True)
    deep.write_text("a\n")
    tail = Tail(tmp_path, "/var/**.log", START)
    assert tail.lines() + tail.lines() == ["a"]


def test_a_file_that_is_not_there_yet_has_no_lines(tail: Tail) -> None:
    assert tail.lines() == []
