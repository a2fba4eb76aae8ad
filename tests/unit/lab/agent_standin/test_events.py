"""From lines to events, as the CloudWatch agent makes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from bakehouse_lab.agent_standin.configuration import ANY_START
from bakehouse_lab.agent_standin.events import (
    Filter,
    Reading,
    grouped,
    read,
    timestamp_pattern,
    wanted,
    written_at,
)

LARAVEL = "[%Y-%m-%d %H:%M:%S]"
NOW = 1.0e9


def at(hour: int, minute: int = 0, second: int = 0) -> float:
    return datetime(2026, 11, 27, hour, minute, second, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("why", "start", "lines", "expected"),
    [
        ("one line, one event", ANY_START, ["a", "b"], ["a", "b"]),
        ("what is indented goes on", ANY_START, ["a", "  b", "c"], ["a\n  b", "c"]),
        (
            "a trace belongs to what threw it",
            timestamp_pattern(LARAVEL),
            ["[2026-11-27 10:00:00] E", "[stacktrace]", "#0 x", "[2026-11-27 10:00:01] I"],
            ["[2026-11-27 10:00:00] E\n[stacktrace]\n#0 x", "[2026-11-27 10:00:01] I"],
        ),
        (
            "a start in the middle counts too",
            "at [0-9]",
            ["x at 1", "y", "z at 2"],
            ["x at 1\ny", "z at 2"],
        ),
        ("what began before we looked is not lost", "^A", ["b", "A"], ["b", "A"]),
        ("nothing", ANY_START, [], []),
    ],
)
def test_an_event_begins_where_its_start_is(
    why: str, start: str, lines: list[str], expected: list[str]
) -> None:
    assert list(grouped(lines, re.compile(start))) == expected, why


@pytest.mark.parametrize(
    ("text", "stamp", "expected"),
    [
        ("[2026-11-27 10:00:00] production.ERROR", LARAVEL, at(10)),
        ('{"time":"2026-11-27T10:00:00+00:00"}', "%Y-%m-%dT%H:%M:%S", at(10)),
        ("[27-Nov-2026 10:00:00]  [pool app]", "[%d-%b-%Y %H:%M:%S]", at(10)),
        ("2026/11/27 10:00:00 [error]", "%Y/%m/%d %H:%M:%S", at(10)),
        ("27 11 2026 8:05:09", "%-d %-m %Y %-H:%M:%S", at(8, 5, 9)),
        ("12:00 +0200 2026-11-27", "%H:%M %z %Y-%m-%d", at(10)),
        ("no time in it", LARAVEL, NOW),
        ("[2026-13-45 10:00:00] no such day", LARAVEL, NOW),
        ("x\n[2026-11-27 10:00:00]", LARAVEL, NOW),
        ("[2026-11-27 10:00:00]", None, NOW),
    ],
)
def test_an_event_s_time_is_the_one_that_it_says(
    text: str, stamp: str | None, expected: float
) -> None:
    assert written_at(text, stamp, NOW) == expected


@pytest.mark.parametrize(
    ("why", "filters", "expected"),
    [
        ("no filter", [], True),
        ("excluded", [Filter(False, re.compile("word"))], False),
        ("not what is excluded", [Filter(False, re.compile("other"))], True),
        ("included", [Filter(True, re.compile("word"))], True),
        ("not what is included", [Filter(True, re.compile("other"))], False),
        (
            "included, but excluded too",
            [Filter(True, re.compile("a")), Filter(False, re.compile("word"))],
            False,
        ),
    ],
)
def test_every_filter_must_let_an_event_through(
    why: str, filters: list[Filter], expected: bool
) -> None:
    assert wanted("a\nword", filters) is expected, why


def test_a_secret_in_any_line_of_an_event_keeps_the_whole_of_it_back() -> None:
    secret = Filter(False, re.compile("secret"))
    reading = Reading(re.compile(timestamp_pattern(LARAVEL)), LARAVEL, (secret,))
    lines = ["[2026-11-27 10:00:00] E", "#0 secret", "[2026-11-27 10:00:01] I", "", ""]
    assert [event.text for event in read(lines, reading, NOW)] == ["[2026-11-27 10:00:01] I\n\n"]


def test_an_event_is_cut_where_cloudwatch_would_refuse_it() -> None:
    reading = Reading(re.compile(ANY_START), None, ())
    (event,) = read(["é" * 600_000], reading, NOW)
    assert 1_048_000 < len(event.text.encode()) <= 1_048_376
