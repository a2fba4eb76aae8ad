"""What the image says about its environment: patterns of names, and no name."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from runtime_env.faults import SettingsMalformed, TagMissing

FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Settings:
    """The configuration file, checked.

    `secret`, `database` and `cache` are patterns such as `{Environment}-db`, filled from the
    instance's tags; an empty one is not looked up. `afterwards` are commands, run in order when
    the environment is written.
    """

    secret: str
    database: str = ""
    cache: str = ""
    required_keys: Sequence[str] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    authorities: str = ""
    output: str = "/run/laravel/env"
    group: str = "app"
    deadline_seconds: int = 100
    afterwards: Sequence[Sequence[str]] = ()

    @property
    def tags(self) -> list[str]:
        """Names of the tags that the patterns need, sorted."""
        patterns = [self.secret, self.database, self.cache, *self.constants.values()]
        return sorted({name for pattern in patterns for name in FIELD.findall(pattern)})


def read(path: Path) -> Settings:
    """Read the configuration file. Raises SettingsMalformed, which says what is wrong with it."""
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise SettingsMalformed(f"{path} cannot be read: {e.strerror}") from e
    except ValueError as e:
        raise SettingsMalformed(f"{path} is not what it should be: {e}") from e


def from_json(text: str) -> Settings:
    """Settings from JSON. Raises ValueError for a name or a type that we do not know."""
    said = json.loads(text)
    if not isinstance(said, dict):
        raise ValueError("wanted an object")
    known = {each.name for each in fields(Settings)}
    if unknown := sorted(set(said) - known):
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    if not said.get("secret"):
        raise ValueError("secret is not set; wanted a pattern such as {Environment}/app")
    deadline = said.get("deadline_seconds", 1)
    if not isinstance(deadline, int) or deadline < 1:
        raise ValueError(f"deadline_seconds is {deadline!r}, wanted a whole number of at least 1")
    return Settings(**said)


def replace_deadline(config: Settings, seconds: int) -> Settings:
    """The same settings with another deadline."""
    return replace(config, deadline_seconds=seconds)


def fill(pattern: str, tags: Mapping[str, str]) -> str:
    """Put the instance's tags into a pattern.

    Raises TagMissing when there is no such tag, or when it is empty.

    >>> fill("{Environment}-db", {"Environment": "staging"})
    'staging-db'
    """

    def value(match: "re.Match[str]") -> str:
        name = match.group(1)
        if not tags.get(name):
            raise TagMissing(f"the tag {name} is needed for {pattern} and this instance has none")
        return tags[name]

    return FIELD.sub(value, pattern)
