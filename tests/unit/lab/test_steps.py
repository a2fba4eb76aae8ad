"""Progress in a log: a line at the beginning, one while it lasts, one at the end."""

from __future__ import annotations

import io
import time

import pytest

from bakehouse_lab.steps import Steps


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_log_hears_when_a_step_begins_and_how_it_ends() -> None:
    out, clock = io.StringIO(), Clock()
    steps = Steps(2, out, clock)
    with steps.step("Bake") as step:
        clock.seconds = 75
        step.note("ami-1")
    assert out.getvalue() == "[1/2] Bake\n      done in 1 min 15 s, ami-1\n"
    assert [(done.name, done.seconds) for done in steps.done] == [("Bake", 75)]


def test_a_failed_step_says_so_and_is_not_among_those_done() -> None:
    out = io.StringIO()
    steps = Steps(1, out, Clock())
    with pytest.raises(ValueError, match="no disk"), steps.step("Bake"):
        raise ValueError("no disk")
    assert out.getvalue().endswith("failed in 0.0 s\n")
    assert steps.done == []


def test_a_long_step_says_what_it_does_now() -> None:
    out = io.StringIO()
    steps = Steps(1, out, every_seconds=0.01)
    with steps.step("Bake") as step:
        step.doing = "installing nginx"
        deadline = time.monotonic() + 5
        while "installing nginx" not in out.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "installing nginx" in out.getvalue()


def test_a_log_has_no_colours_and_takes_no_line_back() -> None:
    out = io.StringIO()
    with Steps(1, out, Clock()).step("Bake"):
        pass
    assert "\033" not in out.getvalue() and "\r" not in out.getvalue()
