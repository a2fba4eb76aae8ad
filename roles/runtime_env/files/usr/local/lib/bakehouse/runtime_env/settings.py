"""What the image says about its environment: patterns of names, and no name."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from runtime_env.faults import SettingsMalformed, TagMissing

LOGINS = ("password", "iam")
FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Settings:
    """The configuration file, checked.

    `secret`, `parameters`, `database` and `cache` are patterns such as `{Environment}-db`, filled
    from the instance's tags; an empty one is not looked up. `afterwards` are commands, run in
    order when the environment is written; `php_sockets` and `restart_units` go on with the one
    before until they are told. `state` is a folder for us alone.
    """

    secret: str
    parameters: str = ""
    database: str = ""
    cache: str = ""
    required_keys: Sequence[str] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    authorities: str = ""
    output: str = "/run/laravel/env"
    group: str = "app"
    database_login: str = "password"
    plain_text_allowed: bool = False
    persistent_connections: bool = True
    deadline_seconds: int = 90
    refresh_deadline_seconds: int = 20
    afterwards: Sequence[Sequence[str]] = ()
    php_sockets: Sequence[str] = ()
    compiled: str = "/run/laravel/config/*.php"
    restart_units: Sequence[str] = ()
    state: str = "/run/bakehouse"

    @property
    def tags(self) -> list[str]:
        """Names of the tags that the patterns need, sorted."""
        named = [self.secret, self.parameters, self.database, self.cache]
        patterns = [*named, *self.constants.values()]
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
    for name in ("deadline_seconds", "refresh_deadline_seconds"):
        seconds = said.get(name, 1)
        if not isinstance(seconds, int) or seconds < 1:
            raise ValueError(f"{name} is {seconds!r}, wanted a whole number of at least 1")
    login = said.get("database_login", "password")
    if login not in LOGINS:
        raise ValueError(f"database_login is {login!r}, wanted {' or '.join(LOGINS)}")
    return Settings(**said)


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
