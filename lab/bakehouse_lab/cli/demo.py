"""`make demo`: the whole chain, run as a person would run it, one command after the other.

Each command is a process of its own with nothing but the lab's AWS variables: what works here works
by hand. A second run with nothing changed only looks.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from bakehouse_lab import demo, stages
from bakehouse_lab.converged import Mark, digest
from bakehouse_lab.settings import Settings
from bakehouse_lab.stages import Stage, StageFailed
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bakehouse_lab.steps import Step

ROOT = Path(__file__).parents[3]
LOGS = ROOT / ".cache" / "demo"
SETUP_TIMES = ROOT / ".cache" / "setup" / "times"

STAGES = (
    Stage("Start the lab", ("scripts/lab", "up"), "scripts/lab doctor"),
    Stage("Pack the application", ("scripts/package",), "scripts/package"),
    Stage("Bake the image", ("scripts/bake", "--no-verify"), "scripts/bake --no-verify"),
    Stage(
        "Launch the group",
        ("scripts/launch", f"{demo.ENVIRONMENT}-web"),
        "scripts/lab status",
    ),
)
CONVERGE = Stage(
    "Converge the fleet with site.yml",
    (".venv/bin/ansible-playbook", "site.yml"),
    ".venv/bin/ansible-inventory --graph",
)


class Busy(RuntimeError):
    """Another demo is under way on this lab."""


def main() -> int:
    """Show the chain; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # whoever ends it: clean up first
    settings = Settings.from_environment()
    try:
        with _alone(settings):
            return _run(settings)
    except Busy as busy:
        print(busy, file=sys.stderr)
    except (StageFailed, demo.NotShown) as failed:
        print(f"\n{failed}\nThen: make demo", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished stays. Go on with: make demo", file=sys.stderr)
        return 130
    return 1


def _run(settings: Settings) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    steps = Steps(len(STAGES) + 2)
    environment = _without_aws(os.environ)
    for number, stage in enumerate(STAGES, 1):
        with steps.step(stage.name) as step:
            stages.run(stage, step, ROOT, environment, _log(number, stage))
        if number == 1:
            environment |= _lab_environment(environment)
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )

    def client(name: str) -> Any:
        return session.client(name, endpoint_url=settings.endpoint)

    with steps.step(CONVERGE.name) as step:
        hosts = [host.id for host in demo.hosts(client)]
        _converge(step, Mark(settings.state / "converged"), hosts, environment)
    url = f"http://127.0.0.1:{settings.http_port}"
    with steps.step("Open the page"):
        pages = demo.visit(lambda: _fetch(url), hosts=2)
        chain = demo.look(client, url)
    times = [("Set up", _setup_seconds()), *((step.name, step.seconds) for step in steps.done)]
    print(f"\n{demo.summary(chain, pages, times)}\n")
    return 0


def _converge(step: Step, mark: Mark, hosts: Iterable[str], environment: Mapping[str, str]) -> None:
    """Run site.yml, unless it left these very hosts good by these very files."""
    now = digest(ROOT, hosts)
    if since := mark.since(now):
        step.note(
            f"nothing has changed since {since}; all the same: {shlex.join(CONVERGE.command)}"
        )
        return
    mark.forget()
    stages.run(CONVERGE, step, ROOT, environment, _log(len(STAGES) + 1, CONVERGE))
    mark.write(now)


def _log(number: int, stage: Stage) -> Path:
    return LOGS / f"{number}-{Path(stage.command[0]).name}.log"


def _lab_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What `scripts/lab env` tells a shell to export."""
    told = subprocess.run(
        ["scripts/lab", "env"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    words = (word for line in told.stdout.splitlines() for word in shlex.split(line, comments=True))
    return dict(word.split("=", 1) for word in words if "=" in word)


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """No profile, no token and no region of the user's own: a demo touches no real account."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _fetch(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refused:
        body = refused.read().decode(errors="replace")[:300]
        raise demo.NotShown(
            f"{url} answered {refused.code}: {body!r}\nNext: scripts/lab status"
        ) from refused
    except OSError as silent:
        raise demo.NotShown(
            f"{url} does not answer ({silent})\nNext: scripts/lab status"
        ) from silent


def _setup_seconds() -> float:
    """How long the setup before this demo took; make runs it first."""
    if not SETUP_TIMES.exists():
        return 0.0
    return sum(float(line.split()[0]) for line in SETUP_TIMES.read_text().splitlines())


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One demo at a time on a lab. Raises Busy with who runs, since when."""
    settings.runtime.mkdir(parents=True, exist_ok=True)
    with (settings.runtime / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            lock.seek(0)
            who = lock.read().strip()
            raise Busy(
                f"a demo is running {who}; wait for it, or follow it: tail -f .cache/demo/*.log"
            ) from held
        lock.truncate(0)  # opened to append: it is written at its new end
        lock.write(f"since {time.strftime('%H:%M:%S')}, pid {os.getpid()}")
        lock.flush()
        yield


if __name__ == "__main__":
    raise SystemExit(main())
