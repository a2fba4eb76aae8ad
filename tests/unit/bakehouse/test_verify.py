"""An image passes when two fresh hosts of it boot, answer, are as tests/host says, and differ."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from bakehouse.baking.bake import NotVerified
from bakehouse.baking.fresh import Like, Seen
from bakehouse.baking.hygiene import Traces, findings
from bakehouse.baking.verify import Exam, verify
from bakehouse.images.image import Image
from bakehouse.progress import Progress
from bakehouse.ssh import NoAnswer

KEY = "ssh-ed25519 AAAAmine bakehouse-run-1-verify"
IMAGE = Image("ami-1", "bakehouse-web-1", "2026-11-27")
CLEAN = Traces(
    machine_id="a",
    host_keys={"/etc/ssh/ssh_host_ed25519_key": "a"},
    authorized={"/home/admin/.ssh/authorized_keys": [KEY, ""]},
    boots=1,
    logs=[],
    history=[],
    package_lists=[],
    cloud=["i-1"],
    canary=[],
)
OTHER = replace(
    CLEAN, machine_id="b", host_keys={"/etc/ssh/ssh_host_ed25519_key": "b"}, cloud=["i-2"]
)


def test_two_clean_hosts_are_clean() -> None:
    assert findings(CLEAN, OTHER, KEY) == []


@pytest.mark.parametrize(
    ("told", "first", "second"),
    [
        ("two hosts have one machine-id (b)", replace(CLEAN, machine_id="b"), OTHER),
        ("two hosts have one machine-id (none)", replace(CLEAN, machine_id=""), OTHER),
        (
            "two hosts have one host key: /etc/ssh/ssh_host_ed25519_key",
            CLEAN,
            replace(OTHER, host_keys=CLEAN.host_keys),
        ),
        ("a host has no SSH host keys", replace(CLEAN, host_keys={}), OTHER),
        (
            "/root/.ssh/authorized_keys lets in a key of the bake (packer)",
            replace(CLEAN, authorized={"/root/.ssh/authorized_keys": ["ssh-rsa AAAAbake packer"]}),
            OTHER,
        ),
        ("the journal knows 2 boots, and this is the first", replace(CLEAN, boots=2), OTHER),
        (
            "cloud-init knows other instances: i-1, i-builder",
            replace(CLEAN, cloud=["i-1", "i-builder"]),
            OTHER,
        ),
        (
            "there is a log of the bake: /a, /b, /c ...",
            replace(CLEAN, logs=[*["/a", "/b", "/c", "/d"]]),
            OTHER,
        ),
        (
            "there is what a shell or Ansible left: /home/admin/.ansible",
            replace(CLEAN, history=["/home/admin/.ansible"]),
            OTHER,
        ),
        ("there is package lists: /l", replace(CLEAN, package_lists=["/l"]), OTHER),
        (
            "there is the secret that was in the bake's environment: /etc/motd",
            replace(CLEAN, canary=["/etc/motd"]),
            OTHER,
        ),
    ],
)
def test_each_trace_of_the_bake_is_named(told: str, first: Traces, second: Traces) -> None:
    assert findings(first, second, KEY) == [told]


@dataclass
class PretendCloud:
    """EC2 in memory: hosts are pending for a look, then they run, or end."""

    ends: bool = False
    looks: int = 0
    launched: list[str] = field(default_factory=list)

    def import_key(self, name: str, public: str) -> None:
        self.key = (name, public)

    def launch(
        self, image: str, count: int, run: str, like: Like, group: str, key: str
    ) -> list[str]:
        self.launched = [f"i-{number}" for number in range(1, count + 1)]
        return self.launched

    def see(self, ids: list[str], interface: str) -> list[Seen]:
        self.looks += 1
        state = "pending" if self.looks == 1 else "terminated" if self.ends else "running"
        return [Seen(id, state, f"10.0.0.{id[2:]}") for id in ids]

    def console(self, id: str) -> str:
        return "No environment: no tag Environment"


@dataclass
class PretendDoor:
    """Hosts that answer over SSH after `deaf` attempts."""

    folder: Path
    deaf: int = 2
    status: str = "200"
    failing: tuple[str, ...] = ()
    second: Traces = OTHER
    asked: list[str] = field(default_factory=list)

    def make_key(self, comment: str) -> str:
        return KEY

    def open(self, addresses: dict[str, str]) -> None:
        self.addresses = addresses

    def run(self, host: str, *command: str, given: str = "", seconds: float = 120) -> str:
        if command == ("true",):
            self.deaf -= 1
            if self.deaf >= 0:
                raise NoAnswer("Connection refused")
            return ""
        if command[0] == "python3":
            return f"{self.status}\n"
        self.asked.append(given)
        return json.dumps(asdict(CLEAN if host == "i-1" else self.second))

    def ask_tests(self, host: str, root: Path, report: Path, log: Path) -> int:
        cases = [f'<testcase name="{name}"><failure/></testcase>' for name in self.failing]
        cases += ['<testcase name="test_well"/>', '<testcase name="x"><skipped/></testcase>']
        report.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        return 1 if self.failing else 0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def exam(folder: Path, clock: Clock) -> Exam:
    return Exam(
        run="20261127-120000-abcdef",
        root=folder,
        folder=folder,
        like=Like("staging-web", "subnet-1", "vpc-1", "10.0.0.0/16", (), {}),
        group="sg-1",
        interface="private_ip",
        pages=("/health", "/"),
        patience=30,
        clock=clock,
        now=lambda: datetime(2026, 11, 27, tzinfo=UTC),
        pause=clock.pause,
    )


def quiet() -> Progress:
    return Progress(Console(file=io.StringIO()))


def test_an_image_whose_hosts_are_well_passes_and_says_how(tmp_path: Path) -> None:
    cloud, door = PretendCloud(), PretendDoor(tmp_path)
    how = verify(IMAGE, exam(tmp_path, Clock()), cloud, door, quiet())
    assert (how.like, how.passed, how.skipped) == ("staging-web", 1, 1)
    assert how.pages == ("/health 200", "/ 200")
    assert len(cloud.launched) == 2
    assert how.seconds == 3


def test_the_secret_is_searched_for_on_one_host_and_is_in_no_argument(tmp_path: Path) -> None:
    door = PretendDoor(tmp_path)
    verify(IMAGE, exam(tmp_path, Clock()), PretendCloud(), door, quiet())
    first, second = (given.rstrip().rpartition("\n")[2] for given in door.asked)
    assert len(first) > len("main('')") and second == "main('')"


@pytest.mark.parametrize(
    ("told", "cloud", "change"),
    [
        ("i-1 is terminated", PretendCloud(ends=True), {}),
        (
            "let nobody in after 30 s: Connection refused\n  its console: No env",
            PretendCloud(),
            {"deaf": 99},
        ),
        (
            "answers /health with 503 after 30 s.\n  its console: No env",
            PretendCloud(),
            {"status": "503"},
        ),
        (
            "1 of tests/host's questions were answered wrongly on a fresh host:\n  test_nginx_",
            PretendCloud(),
            {"failing": ("test_nginx_runs",)},
        ),
        (
            "not clean:\n  two hosts have one machine-id",
            PretendCloud(),
            {"second": replace(OTHER, machine_id="a")},
        ),
    ],
)
def test_an_image_whose_hosts_are_not_well_does_not_pass_and_says_why(
    tmp_path: Path, told: str, cloud: PretendCloud, change: dict[str, object]
) -> None:
    door = replace(PretendDoor(tmp_path), **change)  # type: ignore[arg-type]  # one field each
    with pytest.raises(NotVerified) as failed:
        verify(IMAGE, exam(tmp_path, Clock()), cloud, door, quiet())
    assert told in str(failed.value)
