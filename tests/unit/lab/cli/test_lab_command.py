from __future__ import annotations

import errno
import io
import os
import shlex
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from bakehouse_lab.cli import account, daemon, logs, status, teardown
from bakehouse_lab.cli import env as env_verb
from bakehouse_lab.cli import ssh as ssh_verb
from bakehouse_lab.cli.account import Instance
from bakehouse_lab.cli.main import VERBS, main
from bakehouse_lab.cli.refusal import Refused, need_root
from bakehouse_lab.cli.status import Picture
from bakehouse_lab.cli.up import need_ports
from bakehouse_lab.podman import Seen
from bakehouse_lab.ports import Listener
from bakehouse_lab.settings import Settings

SERVE = ("python", "-m", "bakehouse_lab.serve")
WEB = [
    Instance("i-1", "staging-web", "running", "10.20.11.4", "ami-1", "us-east-1a"),
    Instance("i-2", "staging-web", "running", "10.20.12.4", "ami-1", "us-east-1b"),
    Instance("i-3", "bastion", "stopped", "10.20.1.4", "ami-1", "us-east-1a"),
]


class FullDisk(io.StringIO):
    def write(self, said: str, /) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BAKEHOUSE_LAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BAKEHOUSE_LAB_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("BAKEHOUSE_LAB_SLOT", "7")
    return Settings.from_environment()


@pytest.mark.parametrize(
    ("why", "pid", "command", "listening", "state"),
    [
        ("nobody is there", None, (), None, daemon.Down()),
        ("the lab answers", 7, SERVE, Listener(1, 7, SERVE), daemon.Up(7)),
        ("it is not ready yet", 7, SERVE, None, daemon.Starting(7)),
        ("the pid file is of a run that crashed", 7, (), None, daemon.Down()),
        ("its number is another program's now", 7, ("vi",), None, daemon.Down()),
        (
            "another program has the port",
            None,
            (),
            Listener(1, 9, ("nc",)),
            daemon.Taken(Listener(1, 9, ("nc",))),
        ),
        (
            "another program has the port, and an old pid file is there",
            9,
            ("nc",),
            Listener(1, 9, ("nc",)),
            daemon.Taken(Listener(1, 9, ("nc",))),
        ),
        (
            "who has the port is not ours to see",
            None,
            (),
            Listener(1, None),
            daemon.Taken(Listener(1, None)),
        ),
    ],
)
def test_the_state_of_the_lab_is_known(
    why: str,
    pid: int | None,
    command: tuple[str, ...],
    listening: Listener | None,
    state: daemon.State,
) -> None:
    assert daemon.judge(pid, command, listening) == state, why


def test_a_second_command_on_the_same_lab_is_told_who_is_at_work(settings: Settings) -> None:
    first, second = daemon.alone(settings, "up"), daemon.alone(settings, "down")
    with first, pytest.raises(Refused, match=r"'lab up' \(pid \d+"), second:
        pass


def test_a_lab_does_not_start_while_others_have_its_ports(settings: Settings) -> None:
    own = Listener(settings.http_port, 9, ("conmon", "-n", f"{settings.prefix}-alb-staging-alb"))
    need_ports(settings, [own])
    with pytest.raises(Refused, match=r"port 8780 is taken by nc -l .pid 9"):
        need_ports(settings, [own, Listener(settings.http_port, 9, ("nc", "-l"))])
    with pytest.raises(Refused, match=f"port {settings.api_port} is taken"):
        need_ports(settings, [Listener(settings.api_port, 9, SERVE)])


def test_what_is_to_be_typed_next_means_the_same_lab() -> None:
    assert Settings(0).command == "scripts/lab"
    assert Settings(2).command == "BAKEHOUSE_LAB_SLOT=2 scripts/lab"
    assert Settings(7).neighbour.command == "scripts/lab"


def test_who_is_not_root_is_told_what_to_type_for_the_same_lab(settings: Settings) -> None:
    with pytest.raises(Refused, match=f"sudo BAKEHOUSE_LAB_SLOT={settings.slot} scripts/lab ssh"):
        need_root("ssh", uid=1000)


def test_the_lock_of_a_command_that_died_holds_nobody_up(settings: Settings) -> None:
    settings.runtime.mkdir(parents=True)
    with (settings.runtime / "lab.lock").open("w") as file:
        flock(file, LOCK_EX)
        file.write("'lab up' (pid 1, since 00:00:00)")
    with daemon.alone(settings, "down"):
        pass


def test_an_instance_is_found_by_its_id_and_by_its_name() -> None:
    assert account.find(WEB, "i-2").address == "10.20.12.4"
    assert account.find(WEB, "bastion").id == "i-3"


@pytest.mark.parametrize(
    ("why", "wanted", "known", "said"),
    [
        ("two have the name", "staging-web", WEB, "i-1  staging-web"),
        ("nobody has the name", "stagin-web", WEB, "there are:"),
        ("there is none at all", "i-1", [], "lab status"),
    ],
)
def test_an_instance_that_is_not_to_be_told_is_asked_for_again(
    why: str, wanted: str, known: list[Instance], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        account.find(known, wanted)


def test_env_can_be_evaluated_by_a_shell(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert env_verb.main([]) == 0
    said = capsys.readouterr()
    words = [shlex.split(line) for line in said.out.splitlines()]
    assert {word[0] for word in words} == {"export"}
    exported = dict(word[1].split("=", 1) for word in words)
    assert exported["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5270"
    assert exported["BAKEHOUSE_SSH_KEY"].endswith("lab7/ssh/id_ed25519")
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} <= exported.keys()


def test_env_says_aloud_that_the_lab_is_down(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    env_verb.main([])
    assert "scripts/lab up" in capsys.readouterr().err


def test_ssh_uses_the_labs_key_and_runs_the_command(settings: Settings) -> None:
    words = ssh_verb.command(settings, "10.20.11.4", ["uptime", "-p"])
    assert words[0] == "ssh"
    assert words[-3:] == ["admin@10.20.11.4", "uptime", "-p"]
    assert str(account.private_key(settings)) in words


def test_a_log_that_is_not_there_is_said_to_be_missing(settings: Settings) -> None:
    with pytest.raises(Refused, match="scripts/lab up"):
        logs.tail(daemon.log_of(settings), follow=False)


def test_a_log_is_followed_over_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert "--follow=name" in logs.tail(tmp_path / "log", follow=True)
    assert "--follow=name" not in logs.tail(tmp_path / "log", follow=False)


def test_tables_have_columns_as_wide_as_their_cells_and_empty_ones_say_so() -> None:
    picture = Picture("lab is up")
    picture.add(("instances", "state"), [("i-0123456789", "running"), ("i-1", "pending")])
    picture.add(("databases", "state"), [])
    assert status.text(picture).splitlines() == [
        "lab is up",
        "",
        "INSTANCES     STATE",
        "i-0123456789  running",
        "i-1           pending",
        "",
        "no databases",
    ]


def test_containers_are_counted_by_kind() -> None:
    found = [
        Seen(name, kind, name, "running", 1, 0, "", "", {})
        for name, kind in [("a", "instance"), ("b", "balancer"), ("c", "instance")]
    ]
    assert teardown.said(found) == "1 balancer, 2 instances"


def test_only_the_labs_own_images_are_removed() -> None:
    lab, other = Settings(0), "localhost/bakehouse-lab1/ami:ami-1"
    assert teardown.is_own(lab, "localhost/bakehouse-lab/ami:ami-1")
    assert not teardown.is_own(lab, other)
    assert not teardown.is_own(lab, "localhost/bakehouse-base:debian-13")


def test_a_reset_removes_the_labs_folders_and_not_what_lies_beside_them(
    settings: Settings,
) -> None:
    authority = settings.state.parent / "ca" / "ca.pem"
    for path in (authority, settings.state / "serve.log", settings.runtime / "calls.log"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (settings.runtime / "instances").mkdir()
    teardown.remove_state(settings)
    assert authority.exists()
    assert not settings.state.exists()
    assert list(settings.runtime.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_each_verb_has_exit_statuses_and_two_examples(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "exit status:" in said
    examples = said.split("examples:")[1].strip().splitlines()
    assert len(examples) >= 2


def test_without_a_verb_there_is_help_and_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr().out
    assert [verb for verb in VERBS if verb not in said] == []


def test_an_unknown_verb_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["destroy"])
    assert ended.value.code == 2
    assert "destroy" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", FullDisk())
    assert main(["env"]) == 1
    assert "No space left on device; make room" in capsys.readouterr().err


def test_a_slot_that_does_not_exist_is_one_sentence_and_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAKEHOUSE_LAB_SLOT", "nine")
    assert main(["env"]) == 1
    said = capsys.readouterr().err
    assert "BAKEHOUSE_LAB_SLOT" in said
    assert "Traceback" not in said
