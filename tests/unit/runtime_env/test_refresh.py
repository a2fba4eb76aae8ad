"""What happens on a host that serves: who is told of a new environment, and what a fault costs."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

from runtime_env import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "staging/app"


class PretendPhp(socketserver.ThreadingUnixStreamServer):
    """A PHP-FPM that remembers what it was asked to run, and answers what it is told to."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[dict[str, str]] = []
        self.answer = 'Content-type: application/json\r\n\r\n{"forgotten":true}'
        super().__init__(str(path), Listener)


class Listener(socketserver.StreamRequestHandler):
    """FastCGI as its specification has it, one request a connection."""

    server: PretendPhp

    def record(self) -> tuple[int, bytes]:
        _, kind, _, length, padding = struct.unpack("!BBHHBx", self.rfile.read(8))
        return kind, self.rfile.read(length + padding)[:length]

    def handle(self) -> None:
        words = b""
        while (said := self.record()) != (5, b""):
            words += said[1] if said[0] == 4 else b""
        self.server.heard.append(dict(pairs(words)))
        if self.server.answer:
            text = self.server.answer.encode()
            self.wfile.write(struct.pack("!BBHHBx", 1, 6, 1, len(text), 1) + text + b"\0")
            self.wfile.write(struct.pack("!BBHHBx", 1, 3, 1, 8, 0) + bytes(8))


def pairs(words: bytes) -> Iterator[tuple[str, str]]:
    while words:
        sizes = [size & 0x7FFFFFFF for size in struct.unpack("!LL", words[:8])]
        name, value = words[8 : 8 + sizes[0]], words[8 + sizes[0] : 8 + sum(sizes)]
        yield name.decode(), value.decode()
        words = words[8 + sum(sizes) :]


@pytest.fixture
def php(tmp_path: Path) -> Iterator[PretendPhp]:
    with PretendPhp(tmp_path / "fpm.sock") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def serving(instance: Any, php: PretendPhp) -> Any:
    """An instance that has booted and serves."""
    assert instance.run() == 0
    instance.settings |= {"php_sockets": [str(php.path)], "compiled": "/run/laravel/config/*.php"}
    return instance


def rotate(it: Any) -> None:
    it.cloud.secrets[SECRET] |= {"DB_USERNAME": "app_clone", "DB_PASSWORD": "rotated"}


def test_php_is_asked_to_forget_once_for_each_new_environment(
    serving: Any, php: PretendPhp
) -> None:
    assert serving.run("--refresh") == 0
    assert php.heard == []

    rotate(serving)
    assert serving.run("--refresh") == 0
    assert serving.run("--refresh") == 0

    assert 'DB_USERNAME="app_clone"' in serving.output.read_text()
    (asked,) = php.heard
    assert asked["FORGET"] == "/run/laravel/config/*.php"
    assert asked["SCRIPT_FILENAME"].endswith("/opcache-forget.php")


def test_php_forgets_after_the_configuration_was_compiled_and_not_before(
    serving: Any, php: PretendPhp
) -> None:
    program = serving.folder / "compile"
    program.write_text(f"#!/bin/sh\ntouch {serving.folder}/compiled\n")
    program.chmod(0o755)
    serving.settings["afterwards"] = [[str(program)], ["/bin/false"]]
    rotate(serving)

    assert serving.run("--refresh") == 20
    assert (serving.folder / "compiled").exists()
    assert php.heard == []

    serving.settings["afterwards"] = [[str(program)]]
    assert serving.run("--refresh") == 0
    assert len(php.heard) == 1


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("it says no", 'Content-type: x\r\n\r\n{"forgotten":false}'),
        ("it does not run our file", "Status: 404 Not Found\r\n\r\nFile not found."),
        ("it says something else", "Content-type: x\r\n\r\n<html>"),
        ("it hangs up", ""),
    ],
)
def test_a_php_that_was_not_told_is_told_by_the_next_run(
    serving: Any, php: PretendPhp, why: str, answer: str
) -> None:
    good, php.answer = php.answer, answer
    rotate(serving)

    assert serving.run("--refresh") == 22, why
    assert serving.run("--check") == 3

    php.answer = good
    assert serving.run("--refresh") == 0
    assert serving.run("--check") == 0


def test_a_php_that_is_not_there_need_not_be_told(serving: Any, php: PretendPhp) -> None:
    php.server_close()  # its socket is left, and nobody listens
    rotate(serving)

    assert serving.run("--refresh") == 0


def test_the_workers_of_this_host_are_restarted_and_nobody_waits_for_their_jobs(
    serving: Any,
) -> None:
    serving.settings["restart_units"] = ["laravel-worker@*.service"]
    rotate(serving)

    assert serving.run("--refresh") == 0
    assert serving.run("--refresh") == 0

    assert serving.systemd.heard == [
        ["systemctl", "try-restart", "--no-block", "laravel-worker@*.service"]
    ]


def test_workers_that_could_not_be_restarted_are_a_fault_and_are_told_again(serving: Any) -> None:
    serving.settings["restart_units"] = ["laravel-worker@*.service"]
    serving.systemd.status = 1
    rotate(serving)

    assert serving.run("--refresh") == 22

    serving.systemd.status = 0
    assert serving.run("--refresh") == 0
    assert len(serving.systemd.heard) == 2


def test_a_fault_keeps_the_last_good_values_and_says_so_to_those_who_watch(
    serving: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before, then = serving.output.read_text(), serving.figures
    serving.time.now += 100
    serving.cloud.secrets.clear()

    assert serving.run("--refresh") == 12

    assert serving.output.read_text() == before
    assert serving.figures == then | {
        "runtime_env_stale": "1",
        "runtime_env_fault_status": "12",
    }
    assert capsys.readouterr().err.startswith("The environment stays as it was: there is no secret")


def test_the_figures_are_good_again_after_the_fault(serving: Any) -> None:
    secret = serving.cloud.secrets.pop(SECRET)
    serving.run("--refresh")
    serving.cloud.secrets[SECRET] = secret
    serving.time.now += 100

    assert serving.run("--refresh") == 0

    assert serving.figures == {
        "runtime_env_last_success_seconds": f"{serving.time.wall():.0f}",
        "runtime_env_stale": "0",
        "runtime_env_fault_status": "0",
    }


def test_a_host_that_never_had_an_environment_says_zero(instance: Any) -> None:
    instance.cloud.secrets.clear()

    instance.run()

    assert instance.figures["runtime_env_last_success_seconds"] == "0"


def test_figures_that_cannot_be_noted_do_not_make_a_fault(tmp_path: Path) -> None:
    metrics.write(tmp_path / "missing", 0, 1.0)

    assert not (tmp_path / "missing").exists()


def test_a_check_leaves_the_figures_alone(serving: Any) -> None:
    before = serving.figures
    serving.cloud.secrets.clear()

    serving.run("--check")

    assert serving.figures == before


def test_a_refresh_gives_up_sooner_than_a_boot(serving: Any) -> None:
    serving.settings |= {"deadline_seconds": 90, "refresh_deadline_seconds": 20}
    serving.cloud.databases["staging-db"] = {"DBInstanceStatus": "creating"}
    serving.time.sleeps.clear()

    assert serving.run("--refresh") == 16

    assert 10 < sum(serving.time.sleeps) < 20


def test_what_a_killed_run_left_is_taken_away(serving: Any) -> None:
    leftover = serving.folder / ".env.killed"
    leftover.write_text(json.dumps("half"))
    rotate(serving)

    serving.run("--refresh")

    assert not leftover.exists()
