"""The command: look at the instance, ask AWS, write the file, tell those who use it."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from runtime_env import environment, finding, metrics, output, settings
from runtime_env.aws import Aws, client_factory
from runtime_env.faults import AfterwardsFailed, ApiSilent, Fault
from runtime_env.finding import World
from runtime_env.followers import Followers, Run
from runtime_env.followers import run as run_command
from runtime_env.limit import OutOfTime, limit
from runtime_env.metadata import ADDRESS, Metadata
from runtime_env.patience import Patience
from runtime_env.settings import Settings

WOULD_CHANGE = 3
UNFORESEEN = 1
AFTERWARDS_SECONDS = 25  # with the longest deadline, a run ends before two minutes are over

HELP_END = """\
exit status:
  0 the environment is written    1 unforeseen             2 wrong arguments
  3 with --check: it would change
 10 no metadata service          11 tag missing           12 secret missing
 13 denied, or no role           14 secret malformed      15 key missing in the secret
 16 no database, or no address   17 no cache, or none     18 an error that we do not know
 19 wrong configuration file     20 a command after it    21 cannot write the file
 22 PHP-FPM or workers not told  23 API silent            24 API refuses
 25 API throttles                26 API fails (5xx)       27 something else answers
 28 secret marked for deletion   29 parameters unusable   30 authorities unusable
 31 plain text not allowed

examples:
  runtime-env                 what runtime-env.service runs at boot
  runtime-env --refresh       what runtime-env-refresh.service runs every minute, and when pushed
  runtime-env --check         is the environment still what AWS says?
"""


def main(
    argv: Sequence[str],
    *,
    aws: Callable[[str], Aws] = lambda region: Aws(client_factory(region)),
    metadata: "Metadata | None" = None,
    patience: Callable[..., Patience] = Patience,
    clock: Callable[[], float] = time.time,
    within: Callable[[float], AbstractContextManager[None]] = limit,
    systemd: Run = run_command,
) -> int:
    """Write the application's environment; see HELP_END for what is returned."""
    told = arguments(argv)
    world = World(metadata or Metadata(metadata_address()), aws, clock, patience, within)
    folder = Path(Settings.state)
    try:
        config = settings.read(told.config)
        folder = Path(config.state)
        status = run(told, config, world, followers(config, systemd))
    except Fault as e:
        status = e.status
        kept = "The environment stays as it was" if told.refresh else "No environment"
        say(f"{kept}: {e}. Next: {e.next_command}")
    except Exception as e:  # its own words might quote a secret
        status = UNFORESEEN
        say(f"No environment: {where(e)}, which nobody foresaw. Next: report it")
    if not told.check:
        metrics.write(folder / "metrics", status, clock())
    return status


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    reader = argparse.ArgumentParser(
        prog="runtime-env",
        description="Write the application's environment from this instance's tags and AWS.",
        epilog=HELP_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_argument("--check", action="store_true", help="write nothing; 3: it would change")
    reader.add_argument("--refresh", action="store_true", help="a host that serves: ask briefly")
    reader.add_argument("--config", type=Path, default=Path("/etc/bakehouse/runtime-env.json"))
    reader.add_argument(
        "--deadline", type=int, metavar="SECONDS", help="instead of the configured one"
    )
    return reader.parse_args(argv)


def metadata_address() -> str:
    """Where the metadata service is; the variable is the one that AWS's own tools read."""
    return os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ADDRESS


def run(told: argparse.Namespace, config: Settings, world: World, they: Followers) -> int:
    """Find the environment within the deadline; then check it, or put it."""
    usual = config.refresh_deadline_seconds if told.refresh else config.deadline_seconds
    seconds = told.deadline or usual
    path = Path(config.output)
    if told.check:
        before = output.read(path) or ""
        return check(config, they, before, ask(config, world, before, seconds))
    with output.alone(Path(config.state)):
        before = output.read(path) or ""
        return put(config, they, before, ask(config, world, before, seconds))


def ask(config: Settings, world: World, before: str, seconds: int) -> dict[str, str]:
    """All variables. Raises ApiSilent when they have not all come after `seconds`."""
    try:
        with world.within(seconds):
            patience = world.patience(seconds, say=say)
            return finding.find(config, world, patience, environment.parse(before))
    except OutOfTime:
        raise ApiSilent(f"not all answers were complete after {seconds} seconds") from None


def check(config: Settings, they: Followers, before: str, found: Mapping[str, str]) -> int:
    """Say whether `put` would change something."""
    if environment.render(found) != before:
        say(f"{config.output} would change")
        return WOULD_CHANGE
    if not they.know():
        say("PHP-FPM and the workers would be told")
        return WOULD_CHANGE
    for command in present(config.afterwards):
        if afterwards([*command, "--check"]) != 0:
            say(f"{' '.join(command)} would change something")
            return WOULD_CHANGE
    return 0


def put(config: Settings, they: Followers, before: str, found: Mapping[str, str]) -> int:
    """Write the file when it differs, run what uses it, tell those who read it before."""
    path, text = Path(config.output), environment.render(found)
    workers = not they.know() or beyond_token(config, before, found)
    if text != before:
        output.write(path, text, config.group)
        say(f"Wrote {path}")
    for command in present(config.afterwards):
        status = afterwards(command)
        if status != 0:
            raise AfterwardsFailed(f"{' '.join(command)} failed with status {status}")
    if not they.know():
        they.tell(workers)
    return 0


def beyond_token(config: Settings, before: str, found: Mapping[str, str]) -> bool:
    """Whether more has changed than a token of IAM: a worker's connection outlives its token."""
    changing = {finding.TOKEN_KEY} if config.database_login == "iam" else set()
    old = environment.parse(before)
    return {k: v for k, v in old.items() if k not in changing} != {
        k: v for k, v in found.items() if k not in changing
    }


def followers(config: Settings, systemd: Run) -> Followers:
    """PHP-FPM and the workers of this host."""
    return Followers(
        Path(config.output),
        Path(config.state),
        config.php_sockets,
        config.compiled,
        config.restart_units,
        systemd,
    )


def afterwards(command: Sequence[str]) -> int:
    """Run a command that uses the environment. Raises AfterwardsFailed when it does not end."""
    try:
        return subprocess.run(command, check=False, timeout=AFTERWARDS_SECONDS).returncode
    except subprocess.TimeoutExpired as e:
        raise AfterwardsFailed(
            f"{' '.join(command)} did not end in {AFTERWARDS_SECONDS} seconds"
        ) from e


def present(commands: Sequence[Sequence[str]]) -> list[list[str]]:
    """The commands that are on this host; a host without an application has nobody to tell."""
    return [list(command) for command in commands if Path(command[0]).exists()]


def where(trouble: Exception) -> str:
    """What an exception is and where it came from, without its words."""
    trace = trouble.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return type(trouble).__name__ + place


def say(sentence: str) -> None:
    """For the journal."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
