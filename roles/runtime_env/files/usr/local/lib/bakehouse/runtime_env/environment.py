"""The application's environment: what goes into it, and how Laravel's Dotenv wants it written."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime_env.faults import KeyMissing, ParametersUnusable, SecretMalformed
from runtime_env.metadata import Identity

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Within double quotes Dotenv ends at ", reads \ as an escape and $ as a variable.
ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True)
class Database:
    """Where the database is. `name` is empty when none was created with the instance."""

    host: str
    port: int
    name: str


@dataclass(frozen=True)
class Cache:
    """Where Redis is, and what it asks of those who connect."""

    host: str
    port: int
    tls: bool
    password_wanted: bool


def parse_secret(text: "str | None", secret: str) -> dict[str, str]:
    """The secret's names and values.

    Numbers and booleans become what a person would write into a .env file. Raises SecretMalformed
    when the text is not a JSON object of plain values, without quoting any of it.
    """
    if not text:
        raise SecretMalformed(f"the secret {secret} came without text")
    try:
        said = json.loads(text)
    except ValueError:
        raise SecretMalformed(f"the secret {secret} is not JSON") from None
    if not isinstance(said, dict):
        raise SecretMalformed(f"the secret {secret} is JSON, but not an object")
    return {name: _plain(name, value, secret) for name, value in said.items()}


def _plain(name: str, value: object, secret: str) -> str:
    if not NAME.match(name):
        raise SecretMalformed(
            f"the secret {secret} has a key that cannot be the name of a variable; "
            "wanted letters, digits and _"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        text = str(value)
        if "\0" not in text:
            return text
    raise SecretMalformed(f"the secret {secret} has a value at {name} that is not plain text")


def require(names: Sequence[str], values: Mapping[str, str], secret: str) -> None:
    """Raise KeyMissing, with all of the names that are missing or empty."""
    missing = [name for name in names if not values.get(name)]
    if missing:
        raise KeyMissing(f"the secret {secret} has no {', '.join(missing)}")


def require_names(parameters: Mapping[str, str], path: str) -> None:
    """Raise ParametersUnusable when there is none, or one that cannot be a variable."""
    if not parameters:
        raise ParametersUnusable(f"Parameter Store has nothing below {path}")
    for name, value in parameters.items():
        if not NAME.match(name) or "\0" in value:
            raise ParametersUnusable(
                f"the parameter {path.rstrip('/')}/{name} cannot be a variable; "
                "wanted letters, digits and _"
            )


def compose(
    identity: Identity,
    plain: Mapping[str, str],
    secret: Mapping[str, str],
    database: "Database | None",
    cache: "Cache | None",
    authorities: str,
) -> dict[str, str]:
    """All variables; `plain` are constants and parameters. The secret has the last word over
    endpoints (a proxy in front of the database), this instance over what says who it is.
    """
    endpoints = {**_of_database(database, authorities), **_of_cache(cache)}
    return {
        **plain,
        **endpoints,
        **_url_of_cache({**endpoints, **secret}),
        **secret,
        "INSTANCE_ID": identity.instance,
        "AMI_ID": identity.image,
        "AVAILABILITY_ZONE": identity.zone,
        "AWS_DEFAULT_REGION": identity.region,
    }


def _of_database(database: "Database | None", authorities: str) -> dict[str, str]:
    if database is None:
        return {}
    said = {"DB_CONNECTION": "mysql", "DB_HOST": database.host, "DB_PORT": str(database.port)}
    if database.name:
        said["DB_DATABASE"] = database.name
    if authorities:
        said["MYSQL_ATTR_SSL_CA"] = authorities
    return said


def _of_cache(cache: "Cache | None") -> dict[str, str]:
    if cache is None:
        return {}
    return {
        "REDIS_HOST": cache.host,
        "REDIS_PORT": str(cache.port),
        "REDIS_SCHEME": "tls" if cache.tls else "tcp",
    }


def _url_of_cache(said: Mapping[str, str]) -> dict[str, str]:
    """Of the last word on the cache: all that Laravel's own configuration knows TLS by."""
    if "REDIS_HOST" not in said:
        return {}
    scheme, port = said.get("REDIS_SCHEME", "tcp"), said.get("REDIS_PORT", "6379")
    return {"REDIS_URL": f"{scheme}://{said['REDIS_HOST']}:{port}"}


def render(values: Mapping[str, str]) -> str:
    """The file, sorted by name, every value in double quotes.

    >>> render({"B": 'say "$5"', "A": "1"})
    'A="1"\\nB="say \\\\"\\\\$5\\\\""\\n'
    """
    return "".join(f'{name}="{_escape(values[name])}"\n' for name in sorted(values))


def _escape(value: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in value)


def parse(text: str) -> dict[str, str]:
    """What `render` wrote.

    >>> parse(render({"A": 'say "$5"\\n', "B": ""}))
    {'A': 'say "$5"\\n', 'B': ''}
    """
    lines = (line.partition("=") for line in text.splitlines())
    return {name: _unescape(value[1:-1]) for name, _, value in lines}


def _unescape(value: str) -> str:
    plain = {escape[1]: character for character, escape in ESCAPES.items()}
    return re.sub(r"\\(.)", lambda found: plain.get(found.group(1), found.group(1)), value)
