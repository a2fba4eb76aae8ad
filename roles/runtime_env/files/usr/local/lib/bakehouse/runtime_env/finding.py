"""Ask the instance and AWS for everything, and put together what the application is to know."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from runtime_env import environment, iam, trust
from runtime_env.aws import Aws
from runtime_env.environment import Cache, Database
from runtime_env.metadata import Metadata
from runtime_env.patience import Patience
from runtime_env.settings import Settings, fill

TOKEN_KEY = "DB_PASSWORD"  # where a token stands, as the application expects a password


@dataclass(frozen=True)
class World:
    """Whom to ask, what time it is (seconds of the epoch), and how long to wait."""

    metadata: Metadata
    aws: Callable[[str], Aws]
    clock: Callable[[], float]
    patience: Callable[..., Patience]
    within: Callable[[float], AbstractContextManager[None]]


def find(
    config: Settings, world: World, patience: Patience, before: Mapping[str, str]
) -> dict[str, str]:
    """All variables of the application. `before` are those of the last run: a token of IAM that
    is young stays. Raises a Fault.
    """
    ask = patience.ask
    identity = ask(world.metadata.identity)
    tags = ask(lambda: world.metadata.tags(config.tags))
    api = world.aws(identity.region)
    name = fill(config.secret, tags)
    secret = environment.parse_secret(ask(lambda: api.secret(name)), name)
    environment.require(required(config), secret, name)
    plain = {**_persistence(config), **{k: fill(v, tags) for k, v in config.constants.items()}}
    plain.update(_parameters(config, tags, api, patience))
    database, cache = _addresses(config, tags, api, patience)
    environment.require(_passwords(cache), secret, name)
    trust.check(database, cache, config.authorities, config.plain_text_allowed)
    found = environment.compose(identity, plain, secret, database, cache, config.authorities)
    if config.database_login == "iam":
        found[TOKEN_KEY] = _token(found, api, patience, before, world.clock())
    return found


def required(config: Settings) -> list[str]:
    """What the secret must hold; with IAM there is no password in it."""
    by_iam = config.database_login == "iam"
    return [name for name in config.required_keys if not (by_iam and name == TOKEN_KEY)]


def _persistence(config: Settings) -> dict[str, str]:
    # PHP keeps a connection for each password that it was given, and a token is a new one every
    # few minutes.
    keep = config.persistent_connections
    return {
        "DB_PERSISTENT": str(keep and config.database_login != "iam").lower(),
        "REDIS_PERSISTENT": str(keep).lower(),
    }


def _parameters(
    config: Settings, tags: Mapping[str, str], api: Aws, patience: Patience
) -> dict[str, str]:
    if not config.parameters:
        return {}
    path = fill(config.parameters, tags)
    said = patience.ask(lambda: api.parameters(path))
    environment.require_names(said, path)
    return said


def _addresses(
    config: Settings, tags: Mapping[str, str], api: Aws, patience: Patience
) -> "tuple[Database | None, Cache | None]":
    database = cache = None
    if config.database:
        database = patience.ask(lambda: api.database(fill(config.database, tags)))
    if config.cache:
        cache = patience.ask(lambda: api.cache(fill(config.cache, tags)))
    return database, cache


def _passwords(cache: "Cache | None") -> list[str]:
    """What the secret must hold because the cache asks for it."""
    return ["REDIS_PASSWORD"] if cache and cache.password_wanted else []


def _token(
    found: Mapping[str, str], api: Aws, patience: Patience, before: Mapping[str, str], now: float
) -> str:
    host, port, user = found["DB_HOST"], int(found["DB_PORT"]), found["DB_USERNAME"]
    return iam.token(
        before.get(TOKEN_KEY, ""),
        host,
        port,
        user,
        now,
        lambda: patience.ask(lambda: api.token(host, port, user)),
    )
