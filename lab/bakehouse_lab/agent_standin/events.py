"""From lines to events: where one begins, when it was written, what is left out. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_BYTES = 1_048_376  # of one event: 1 MiB, less 200 bytes that the API adds

# The agent's codes, as regular expressions.
CODES = {
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%B": "[A-Z][a-z]+",
    "%b": "[A-Z][a-z]{2}",
    "%A": "[A-Z][a-z]+",
    "%a": "[A-Z][a-z]{2}",
    "%p": "[AP]M",
    "%Z": "[A-Z]+",
    "%z": r"[+-]\d{4}",
    "%f": r"\d{1,9}",
    **{f"%{letter}": r"\s?\d{1,2}" for letter in "mdHIMS"},
    **{f"%-{letter}": r"\s?\d{1,2}" for letter in "mdHIMS"},
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What an event must hold, or must not."""

    include: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the lines of one file are read."""

    start: re.Pattern[str]
    timestamp_format: str | None
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What is shipped: the time in seconds of the epoch, and the text of one line or several."""

    time: float
    text: str


def timestamp_pattern(stamp: str) -> str:
    """The regular expression of a timestamp's format.

    >>> timestamp_pattern("[%Y-%m-%d]")
    '\\\\[\\\\d{4}\\\\-\\\\s?\\\\d{1,2}\\\\-\\\\s?\\\\d{1,2}\\\\]'
    """
    parts = re.split(r"(%-?[A-Za-z])", stamp)
    return "".join(CODES.get(part, re.escape(part)) for part in parts)


def grouped(lines: Iterable[str], start: re.Pattern[str]) -> Iterator[str]:
    """The lines of each event, joined; lines before the first start are an event of their own."""
    held: list[str] = []
    for line in lines:
        if held and start.search(line):
            yield "\n".join(held)
            held = []
        held.append(line)
    if held:
        yield "\n".join(held)


def wanted(text: str, filters: Sequence[Filter]) -> bool:
    """Whether all filters let an event through."""
    return all(bool(each.pattern.search(text)) == each.include for each in filters)


def written_at(text: str, stamp: str | None, now: float) -> float:
    """When an event says that it was written, in UTC; `now` where it does not say."""
    if not stamp:
        return now
    found = re.search(timestamp_pattern(stamp), text.partition("\n")[0])
    if not found:
        return now
    try:
        read = datetime.strptime(found[0], stamp.replace("%-", "%"))
    except ValueError:
        return now
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def read(lines: Iterable[str], reading: Reading, now: float) -> Iterator[Event]:
    """The events in new lines of a file."""
    for text in grouped(lines, reading.start):
        if text.strip() and wanted(text, reading.filters):
            cut = text.encode()[:MOST_BYTES].decode(errors="ignore")
            yield Event(written_at(text, reading.timestamp_format, now), cut)
