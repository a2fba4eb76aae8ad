"""What a single value may be, and what a table of keys may hold.

A check takes a value and returns what is wrong with it, or None; `where` is put before it by
whoever knows the place. A table of checks says which keys there may be.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Json = Any  # what json.loads gives
Check = Callable[[Json], "str | None"]

SECONDS_MOST = 172800  # two days

# What Go's regular expressions lack: looking around, looking back at a group, not giving back.
UNKNOWN_TO_GO = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|(?<!\\)(?:\\\\)*\\[1-9]|[*+?}]\+")
# What they have and Python writes otherwise; close enough to ask Python whether the rest is sound.
GO_ALONE = ((r"\\[pP](?:\{\^?\w+\}|\w)", "."), (r"\\z", r"\\Z"), (r"\\Q(.*?)(?:\\E|$)", ""))


def fields(value: Json, known: Mapping[str, Check], where: str) -> Iterator[str]:
    """What is wrong with the keys of a table: unknown ones, and values that their checks refuse."""
    if complaint := table(value):
        yield f"{where}: {complaint}"
        return
    for name, inner in value.items():
        if name not in known:
            yield f"{where}: {name} means nothing here{_perhaps(name, known)}"
        elif complaint := known[name](inner):
            yield f"{where}.{name}: {complaint}"


def _perhaps(name: str, known: Mapping[str, Check]) -> str:
    """
    >>> _perhaps("file_pat", {"file_path": text}), _perhaps("colour", {"file_path": text})
    (', perhaps file_path', '')
    """
    close = get_close_matches(str(name), known, 1)
    return f", perhaps {close[0]}" if close else ""


def table(value: Json) -> str | None:
    """A JSON object."""
    return None if isinstance(value, dict) else f"{value!r:.40} is not a table of names and values"


def text(value: Json) -> str | None:
    """A string that says something."""
    return None if isinstance(value, str) and value else f"{value!r} is not a text"


def flag(value: Json) -> str | None:
    """A JSON boolean; `"true"` is none."""
    return None if isinstance(value, bool) else f"{value!r} is neither true nor false"


def number(least: int, most: int, what: str) -> Check:
    """A whole number between two others; true is none, though Python counts it as 1."""

    def check(value: Json) -> str | None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return None if is_number and least <= value <= most else f"{value!r} is not {what}"

    return check


seconds = number(1, SECONDS_MOST, f"a number of seconds from 1 to {SECONDS_MOST}")
seconds_or_none = number(0, SECONDS_MOST, f"a number of seconds from 0 to {SECONDS_MOST}")


def one_of(*words: Json) -> Check:
    """One of a few words."""

    def check(value: Json) -> str | None:
        # Ansible's values are of types of its own, made from these; and True is 1 to Python.
        known = not isinstance(value, bool) and any(
            value == word and isinstance(value, type(word)) for word in words
        )
        return None if known else f"{value!r} is none of {', '.join(map(str, words))}"

    return check


def list_of(check: Check) -> Check:
    """A list of such values, with one of them at least and none twice."""

    def check_all(value: Json) -> str | None:
        if not isinstance(value, list) or not value:
            return f"{value!r} is not a list with something in it"
        twice = [one for place, one in enumerate(value) if one in value[:place]]
        return (
            f"{twice[0]!r} is there twice" if twice else next(filter(None, map(check, value)), None)
        )

    return check_all


def pattern(value: Json) -> str | None:
    """A regular expression that the agent, which is written in Go, can read.

    >>> pattern(r"^\\[\\d{2}-"), pattern("a(?=b)")
    (None, "'a(?=b)' looks around or back, which Go cannot")
    """
    if complaint := text(value):
        return complaint
    if UNKNOWN_TO_GO.search(value):
        return f"{value!r} looks around or back, which Go cannot"
    plain = value
    for theirs, ours in GO_ALONE:
        plain = re.sub(theirs, ours, plain)
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(re.sub(r"\(\?([imsU]+)\)", "", plain))
    except re.error as error:
        return f"{value!r} is no regular expression: {error}"
    return None
