"""What the pages of docs/runbooks/ tell people to type.

In a ```console block each line that begins with `$ ` is a command; one that ends with a backslash
goes on in the next line. After a # stands what it is for, and `exit 1` in it where it does not end
with 0. Words of capitals (GROUP, IMAGE) are for the reader to replace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs/runbooks").glob("*.md"))

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
_STATUS = re.compile(r"\bexits?(?: status| with)* (\d+)\b")
_PLACEHOLDER = re.compile(r"(?<![\w$/={-])[A-Z]{4,}(?![\w=])")


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page."""

    words: str
    status: int

    def filled(self, values: dict[str, str]) -> str:
        """The same with values for its placeholders; one that is not known is a KeyError."""
        return _PLACEHOLDER.sub(lambda found: values[found[0]], self.words)

    @property
    def placeholders(self) -> list[str]:
        """What the reader replaces."""
        return _PLACEHOLDER.findall(self.words)


def commands(page: str) -> list[Command]:
    """The commands of a page, in its order."""
    lines = [line for block in _BLOCK.findall(page) for line in _joined(block)]
    return [_command(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


def _joined(block: str) -> list[str]:
    return block.replace("\\\n", " ").splitlines()


def _command(line: str) -> Command:
    words, _, remark = line.partition(" #")
    status = _STATUS.search(remark)
    return Command(" ".join(words.split()), int(status[1]) if status else 0)
