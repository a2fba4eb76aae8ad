"""What comes back over the one session is what the shell on the host made of each command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from one_session import OneSession

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OneSession:
    """A host that is this machine, by an `ssh` that writes down each login."""
    programs = {
        "ssh": f'echo "$@" >>{tmp_path}/logins; for last; do :; done; exec sh -c "$last"',
        "sudo": 'exec "$@"',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return OneSession("web.example")


def test_many_commands_take_one_login(host: OneSession, tmp_path: Path) -> None:
    assert [host.run("echo %s", word).stdout for word in ("it's", "two")] == ["it's\n", "two\n"]
    (login,) = (tmp_path / "logins").read_text().split("web.example")[:-1]
    assert "ControlMaster=no" in login


@pytest.mark.parametrize(
    ("command", "status", "said", "complained"),
    [
        ("printf 'a\\nb'; echo c >&2; exit 3", 3, b"a\nb", b"c\n"),
        ("printf '\\377\\000'", 0, b"\xff\x00", b""),
        ("kill -9 $$", 137, b"", b""),
        ("cat", 0, b"", b""),  # nothing is on its standard input, the next command least of all
    ],
)
def test_a_command_s_end_is_told_as_it_was(
    host: OneSession, command: str, status: int, said: bytes, complained: bytes
) -> None:
    done = host.run(command)
    assert (done.rc, done.stdout_bytes, done.stderr_bytes) == (status, said, complained)


def test_another_user_s_commands_have_a_session_of_their_own(
    host: OneSession, tmp_path: Path
) -> None:
    host.run("true")
    host.sudo = True
    host.run("true")
    first, second = (tmp_path / "logins").read_text().split("web.example")[1:]
    assert "sudo" not in first
    assert "sudo /bin/sh -c" in second


def test_a_session_that_ends_is_an_error_that_names_host_and_command(host: OneSession) -> None:
    with pytest.raises(RuntimeError, match=r"web\.example ended, status .*: kill -9 \$PPID"):
        host.run("kill -9 $PPID")
    with pytest.raises(RuntimeError, match=r"web\.example ended, status .*: true"):
        host.run("true")


def test_a_host_that_does_not_answer_is_an_error(host: OneSession, tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    with pytest.raises(RuntimeError, match=r"web\.example ended, status 255: true"):
        host.run("true")
