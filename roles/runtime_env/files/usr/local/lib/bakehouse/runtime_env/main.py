"""The command: look at the instance, ask AWS, write the file, run what uses it."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime_env import environment, output, settings
from runtime_env.aws import Aws, client_factory
from runtime_env.environment import Cache
from runtime_env.faults import AfterwardsFailed, Fault
from runtime_env.metadata import ADDRESS, Metadata
from runtime_env.patience import Patience
from runtime_env.settings import Settings, fill

WOULD_CHANGE = 3

HELP_END = """\
exit status:
  0 the environment is written    1 unforeseen             2 wrong arguments
  3 with --check: it would change
 10 no metadata service          11 tag missing           12 secret missing
 13 denied, or no role           14 secret malformed      15 key missing in the secret
 16 no database, or no address   17 no cache, or none     18 the API does not answer
 19 wrong configuration file     20 a command after it    21 cannot write the file

examples:
  runtime-env                 what runtime-env.service runs at boot
  runtime-env --check         is the environment still what AWS says?
"""


def main(
    argv: Sequence[str],
    *,
    aws: Callable[[str], Aws] = lambda region: Aws(client_factory(region)),
    metadata: "Metadata | None" = None,
    patience: Callable[..., Patience] = Patience,
) -> int:
    """Write the application's environment; see HELP_END for what is returned."""
    told = arguments(argv)
    try:
        config = settings.read(told.config)
        if told.deadline:
            config = settings.replace_deadline(config, told.deadline)
        text = find(config, metadata or Metadata(metadata_address()), aws, patience)
        return (check if told.check else put)(config, text)
    except Fault as e:
        say(f"No environment: {e}. Next: {e.next_command}")
        return e.status


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    reader = argparse.ArgumentParser(
        prog="runtime-env",
        description="Write the application's environment from this instance's tags and AWS.",
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_argument("--check", action="store_true", help="write nothing; 3: it would change")
    reader.add_argument("--config", type=Path, default=Path("/etc/bakehouse/runtime-env.json"))
    reader.add_argument(
        "--deadline", type=int, metavar="SECONDS", help="instead of the configured one"
    )
    return reader.parse_args(argv)


def metadata_address() -> str:
    """Where the metadata service is; the variable is the one that AWS's own tools read."""
    return os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ADDRESS


def find(
    config: Settings,
    metadata: Metadata,
    aws: Callable[[str], Aws],
    patience: Callable[..., Patience],
) -> str:
    """Ask for everything, and compose the file's text."""
    ask = patience(config.deadline_seconds, say=say).ask
    identity = ask(metadata.identity)
    tags = ask(lambda: metadata.tags(config.tags))
    api = aws(identity.region)
    name = fill(config.secret, tags)
    secret = environment.parse_secret(ask(lambda: api.secret(name)), name)
    environment.require(config.required_keys, secret, name)
    database = cache = None
    if config.database:
        database = ask(lambda: api.database(fill(config.database, tags)))
    if config.cache:
        cache = ask(lambda: api.cache(fill(config.cache, tags)))
    environment.require(password_names(cache), secret, name)
    constants = {key: fill(value, tags) for key, value in config.constants.items()}
    return environment.render(
        environment.compose(identity, constants, secret, database, cache, config.authorities)
    )


def password_names(cache: "Cache | None") -> list[str]:
    """What the secret must hold because the cache asks for it."""
    return ["REDIS_PASSWORD"] if cache and cache.password_wanted else []


def check(config: Settings, text: str) -> int:
    """Say whether `put` would change something."""
    if output.differs(Path(config.output), text):
        say(f"{config.output} would change")
        return WOULD_CHANGE
    for command in present(config.afterwards):
        if subprocess.run([*command, "--check"], check=False).returncode != 0:
            say(f"{' '.join(command)} would change something")
            return WOULD_CHANGE
    return 0


def put(config: Settings, text: str) -> int:
    """Write the file when it differs, then run what uses it."""
    path = Path(config.output)
    if output.differs(path, text):
        output.write(path, text, config.group)
        say(f"Wrote {path}")
    else:
        say(f"{path} is as it should be")
    for command in present(config.afterwards):
        status = subprocess.run(command, check=False).returncode
        if status != 0:
            raise AfterwardsFailed(f"{' '.join(command)} failed with status {status}")
    return 0


def present(commands: Sequence[Sequence[str]]) -> list[list[str]]:
    """The commands that are on this host; a host without an application has nobody to tell."""
    return [list(command) for command in commands if Path(command[0]).exists()]


def say(sentence: str) -> None:
    """For the journal."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
