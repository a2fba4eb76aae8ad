"""The program `drain`, with a pretended nginx and a time of its own."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path("roles/nginx/files/usr/local/sbin/drain")


def load_program() -> Any:
    loader = importlib.machinery.SourceFileLoader("drain", str(PROGRAM.absolute()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


program = load_program()


class PretendNginx:
    """Has so many requests in flight until a second has come; sleeping makes it later at once."""

    def __init__(self, *, requests: int, until: float) -> None:
        self.requests, self.until, self.now = requests, until, 0.0

    def ask(self) -> int:
        return self.requests if self.now < self.until else 0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def idle() -> PretendNginx:
    return PretendNginx(requests=0, until=0)


def drain(flag: Path, nginx: PretendNginx, *words: str) -> int:
    status: int = program.main(list(words), flag, nginx.ask, nginx.clock, nginx.pause)
    return status


def test_on_raises_the_flag_and_waits_until_no_request_has_been_there_for_a_while(
    tmp_path: Path,
) -> None:
    nginx = PretendNginx(requests=2, until=7)
    flag = tmp_path / "made-when-missing" / "drain"
    assert drain(flag, nginx, "on") == program.DONE
    assert flag.exists()
    assert 7 + 2 < nginx.now < 7 + 5


def test_a_limit_that_passes_is_told_and_the_host_drains_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = tmp_path / "drain"
    assert drain(flag, PretendNginx(requests=3, until=999), "on", "--limit", "9") == (
        program.IN_FLIGHT
    )
    assert flag.exists()
    assert "3 requests are still in flight after 9 s" in capsys.readouterr().err


def test_who_does_not_want_to_wait_does_not(tmp_path: Path) -> None:
    nginx = PretendNginx(requests=3, until=999)
    assert drain(tmp_path / "drain", nginx, "on", "--limit", "0") == program.DONE
    assert nginx.now == 0


def test_a_second_on_keeps_the_first_one_s_time(tmp_path: Path) -> None:
    flag = tmp_path / "drain"
    flag.write_text("since yesterday by somebody\n")
    drain(flag, idle(), "on")
    assert flag.read_text() == "since yesterday by somebody\n"


def test_status_tells_a_host_that_serves_from_one_that_drains(tmp_path: Path) -> None:
    flag, nginx = tmp_path / "drain", idle()
    assert drain(flag, nginx, "status") == program.DONE
    drain(flag, nginx, "on")
    assert drain(flag, nginx, "status") == program.DRAINS
    assert drain(flag, nginx, "off") == program.DONE
    assert drain(flag, nginx, "status") == program.DONE


def test_off_may_be_said_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drain(tmp_path / "drain", idle(), "off") == program.DONE
    assert "served already" in capsys.readouterr().out


def test_a_flag_that_cannot_be_made_is_a_failure_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    status = drain(tmp_path / "file" / "drain", idle(), "on")
    assert status == program.FAILED
    assert "nothing has changed" in capsys.readouterr().err


def test_an_interrupted_wait_says_that_the_host_drains_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    nginx, flag = PretendNginx(requests=1, until=9), tmp_path / "drain"
    assert program.main(["on"], flag, nginx.ask, nginx.clock, interrupted) == 130
    assert "still drains" in capsys.readouterr().err
    assert flag.exists()


def test_what_nginx_says_is_counted_without_the_question() -> None:
    said = "Active connections: 9 \nserver accepts handled requests\n 1 1 1 \n"
    assert program.in_flight(f"{said}Reading: 0 Writing: 3 Waiting: 6 \n") == 2
    assert program.in_flight(f"{said}Reading: 0 Writing: 1 Waiting: 6 \n") == 0
