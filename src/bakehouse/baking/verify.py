"""Verify an image: boot two fresh hosts of it, ask them everything, and compare them.

Two, because what an image may not bring along (a machine's id, its keys) shows only in what two
hosts have in common. The hosts are of the bake's run, and go with it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bakehouse.baking import hygiene
from bakehouse.baking.bake import NotVerified, canary_of
from bakehouse.images.image import RUN
from bakehouse.images.record import Verification
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from bakehouse.baking.fresh import Like, Seen
    from bakehouse.images.image import Image
    from bakehouse.progress import Progress

HOSTS = 2

# Asked of the host's own address, over HTTP, on the host.
_ASK = """
import http.client, socket, sys
asked = http.client.HTTPConnection(socket.gethostbyname(socket.gethostname()), 80, timeout=10)
asked.request("GET", sys.argv[1], headers={"Host": "localhost"})
print(asked.getresponse().status)
"""


class Cloud(Protocol):
    """What this needs of the account; `bakehouse.baking.fresh.Fresh` has it."""

    def import_key(self, name: str, public: str) -> None:
        """Let hosts be launched with that key."""

    def launch(
        self, image: str, count: int, run: str, like: Like, group: str, key: str
    ) -> list[str]:
        """Launch hosts; returns their ids."""

    def see(self, ids: list[str], interface: str) -> list[Seen]:
        """The hosts now."""

    def console(self, id: str) -> str:
        """The last lines of a host's console."""


class Door(Protocol):
    """What this needs of SSH; `bakehouse.ssh.Door` has it."""

    def make_key(self, comment: str) -> str:
        """Make a key; returns the public one."""

    def open(self, addresses: dict[str, str]) -> None:
        """Say where hosts are."""

    def run(self, host: str, *command: str, given: str = "", seconds: float = 120) -> str:
        """Run a command on a host; raises Trouble when it does not answer or fails."""

    def ask_tests(self, host: str, root: Path, report: Path, log: Path) -> int:
        """Ask tests/host of a host."""


@dataclass(frozen=True, slots=True)
class Exam:
    """What is asked, and how long one waits for a host; `clock` and `pause` are for tests."""

    run: str
    root: Path
    folder: Path  # of the run
    like: Like
    group: str  # the security group that lets us in
    interface: str
    pages: tuple[str, ...]
    patience: float
    clock: Callable[[], float]
    now: Callable[[], datetime]
    pause: Callable[[float], None]


def verify(image: Image, exam: Exam, cloud: Cloud, door: Door, progress: Progress) -> Verification:
    """Boot the image twice and ask; returns how it did. Raises NotVerified, saying why."""
    began = exam.clock()
    progress.now(f"Booting {HOSTS} fresh hosts of {image.id}")
    key_name = f"bakehouse-{exam.run}-verify"
    key = door.make_key(key_name)
    cloud.import_key(key_name, key)
    ids = cloud.launch(image.id, HOSTS, exam.run, exam.like, exam.group, key_name)
    door.open(_addresses(exam, cloud, ids))
    first, second = ids
    for id in ids:
        _wait_for_ssh(exam, cloud, door, id)
    progress.now("Asking it for pages")
    pages = _pages(exam, cloud, door, first)
    progress.now("Asking tests/host of it")
    passed, skipped = _tests(exam, door, first)
    progress.now("Comparing two fresh hosts of it")
    canary = canary_of(image.tags.get(RUN, exam.run))
    # One disk is enough to search for the secret: both come from one snapshot.
    found = hygiene.findings(_traces(door, first, canary), _traces(door, second, ""), key)
    if found:
        listed = "".join(f"\n  {finding}" for finding in found)
        raise NotVerified(f"The image is not clean:{listed}", "less roles/common/tasks/clean.yml")
    return Verification(
        when=exam.now().isoformat(timespec="seconds"),
        like=exam.like.group,
        passed=passed,
        skipped=skipped,
        pages=pages,
        hygiene=hygiene.CHECKS,
        seconds=round(exam.clock() - began, 1),
    )


def _addresses(exam: Exam, cloud: Cloud, ids: list[str]) -> dict[str, str]:
    """Where the hosts are, once they run and have an address."""
    until = exam.clock() + exam.patience
    while True:
        seen = cloud.see(ids, exam.interface)
        ended = [host for host in seen if host.state not in ("pending", "running")]
        if ended:
            raise NotVerified(f"A fresh host did not boot: {ended[0].id} is {ended[0].state}.")
        up = {host.id: host.address for host in seen if host.state == "running" and host.address}
        if len(up) == len(ids):
            return up
        if exam.clock() > until:
            raise NotVerified(f"Fresh hosts did not boot in {exam.patience:.0f} s.")
        exam.pause(1)


def _wait_for_ssh(exam: Exam, cloud: Cloud, door: Door, id: str) -> None:
    until = exam.clock() + exam.patience
    while True:
        try:
            door.run(id, "true", seconds=15)
        except Trouble as trouble:
            if exam.clock() > until:
                console = cloud.console(id)
                raise NotVerified(
                    f"A fresh host let nobody in after {exam.patience:.0f} s: {trouble.args[0]}"
                    + (f"\n  its console: {console}" if console else "")
                ) from trouble
            exam.pause(1)
        else:
            return


def _pages(exam: Exam, cloud: Cloud, door: Door, id: str) -> tuple[str, ...]:
    """Ask for each page until it is well, as long as patience lasts; `path status` of each."""
    until = exam.clock() + exam.patience
    said = []
    for path in exam.pages:
        while not (status := _status(door, id, path)).startswith(("2", "3")):
            if exam.clock() > until:
                console = cloud.console(id)
                raise NotVerified(
                    f"A fresh host answers {path} with {status} after {exam.patience:.0f} s."
                    + (f"\n  its console: {console}" if console else "")
                )
            exam.pause(1)
        said.append(f"{path} {status}")
    return tuple(said)


def _status(door: Door, id: str, path: str) -> str:
    try:
        return door.run(id, "python3", "-", path, given=_ASK, seconds=30).strip()
    except Trouble:
        return "nothing"


def _tests(exam: Exam, door: Door, id: str) -> tuple[int, int]:
    """Ask tests/host; how many passed and were skipped."""
    report, log = exam.folder / "tests.xml", exam.folder / "tests.log"
    status = door.ask_tests(id, exam.root, report, log)
    passed, skipped, failed = _counted(report)
    if status or failed or not passed:
        names = "".join(f"\n  {name}" for name in failed[:6])
        raise NotVerified(
            f"{len(failed) or 'No'} of tests/host's questions "
            f"{'were answered wrongly' if failed else 'could be asked'} on a fresh host:{names}",
            f"less {log}",
        )
    return passed, skipped


def _counted(report: Path) -> tuple[int, int, list[str]]:
    """Passed, skipped, and the names of those that failed."""
    if not report.is_file():
        return 0, 0, []
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = [case for case in cases if case.find("skipped") is not None]
    names = [case.get("name", "").partition("[ssh:")[0] for case in failed]
    return len(cases) - len(failed) - len(skipped), len(skipped), names


def _traces(door: Door, id: str, canary: str) -> hygiene.Traces:
    asked = door.run(id, "sudo", "python3", "-", given=hygiene.program(canary), seconds=300)
    return hygiene.read(asked)
