"""A command of the demo that fails says all that a person needs to go on."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakehouse_lab.cli import demo
from bakehouse_lab.settings import Settings
from bakehouse_lab.stages import Stage, StageFailed, run
from bakehouse_lab.steps import Step

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def shell(script: str) -> Stage:
    return Stage("Bake the image", ("sh", "-c", script), "scripts/bake --dry-run")


def test_what_a_command_says_is_in_its_log(tmp_path: Path) -> None:
    step, log = Step("Bake"), tmp_path / "log"
    run(shell("echo out; echo err >&2"), step, tmp_path, ENVIRONMENT, log)
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_a_failure_names_the_step_its_last_lines_the_log_and_what_to_type(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(StageFailed) as failed:
        run(shell("seq 30; exit 3"), Step("Bake"), tmp_path, ENVIRONMENT, log)
    said = str(failed.value)
    assert said.startswith("Bake the image failed: ")
    assert "status 3" in said
    assert "\n    11\n" in said and "\n    30\n" in said and "\n    10\n" not in said
    assert str(log) in said
    assert said.endswith("Next: scripts/bake --dry-run")


def test_a_command_that_is_not_there_points_at_the_setup(tmp_path: Path) -> None:
    stage = Stage("Bake the image", ("/nonesuch/bake",), "scripts/bake")
    with pytest.raises(StageFailed, match="make setup"):
        run(stage, Step("Bake"), tmp_path, ENVIRONMENT, tmp_path / "log")


def test_colours_and_rewritten_lines_do_not_reach_the_progress(tmp_path: Path) -> None:
    step = Step("Bake")
    run(
        shell(r"printf '\r\033[2K\033[32mok\033[0m\n'"), step, tmp_path, ENVIRONMENT, tmp_path / "l"
    )
    assert step.doing == "ok"


def test_an_interrupt_reaches_the_command_and_waits_for_its_clean_up(tmp_path: Path) -> None:
    done, ready = tmp_path / "cleaned", tmp_path / "ready"
    script = (
        f"trap 'sleep 0.3; touch {done}; exit 130' INT; touch {ready}; while :; do sleep 0.1; done"
    )

    def interrupt() -> None:
        until = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run(shell(script), Step("Bake"), tmp_path, ENVIRONMENT, tmp_path / "log")
    assert done.exists()


@pytest.fixture
def own_signals() -> Iterator[None]:
    """A command takes over how it is ended; the tests after it want theirs back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
def test_a_second_demo_says_who_runs_and_since_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAKEHOUSE_LAB_RUNTIME", str(tmp_path))
    runtime = Settings.from_environment().runtime
    runtime.mkdir(parents=True)
    with (runtime / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("since 10:00:00, pid 4711")
        lock.flush()
        assert demo.main() == 1
    assert "since 10:00:00, pid 4711" in capsys.readouterr().err
