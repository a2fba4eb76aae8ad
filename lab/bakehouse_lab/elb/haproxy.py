"""One load balancer's haproxy: its container, its files, its runtime socket."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from bakehouse_lab.elb import slots, traffic
from bakehouse_lab.elb.render import FOLDER, render
from bakehouse_lab.podman import Container
from bakehouse_lab.settings import SERVICES_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bakehouse_lab.elb.describe import Wanted
    from bakehouse_lab.elb.slots import Slot
    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab")

KIND = "balancer"
PLACE = "bakehouse.place"  # label: which of the lab's published ports it has, from 0

# How long haproxy may take to start, or to take over from itself, seconds.
START_SECONDS = 15.0

# A signal that comes while haproxy's master starts itself anew is lost (seen at load 20).
NUDGE_SECONDS = 3.0


class DidNotTakeOver(RuntimeError):
    """haproxy did not come up with the configuration; what it ran before it still runs."""


class Haproxy:
    """Makes and tells one haproxy; remembers where it is, and what its last workers had counted."""

    def __init__(self, lab: Lab, name: str) -> None:
        """Speak to the load balancer called `name`."""
        self._lab = lab
        self.container = f"{lab.settings.prefix}-alb-{name}"
        self._folder = lab.settings.runtime / "balancers" / name
        self._ended: deque[str] = deque(maxlen=8)  # more than reload between two looks

    # -- slow: for errands

    def launch(self, wanted: Wanted, place: int) -> None:
        """Make the container, and wait until it listens.

        Raises PodmanFailed or DidNotTakeOver; the container is gone then.
        """
        self.remove()
        network, _ = self._lab.network(wanted.cidr)
        self._write(wanted, {})
        settings = self._lab.settings
        self._lab.podman.create(
            Container(
                name=self.container,
                kind=KIND,
                id=wanted.arn,
                image=SERVICES_IMAGE,
                network=network,
                ip=wanted.ip,
                aliases=(wanted.dns_name,),
                command=("haproxy", "-W", "-db", "-f", f"{FOLDER}/haproxy.cfg"),
                mounts=(f"{self._folder}:{FOLDER}",),
                publish=(
                    f"127.0.0.1:{settings.http_port + place}:80",
                    f"127.0.0.1:{settings.https_port + place}:443",
                ),
                labels={PLACE: str(place)},
            )
        )
        try:
            self._lab.podman.start(self.container)
            self._await(wanted)
        except Exception:
            self._lab.podman.remove(self.container)
            raise

    def reload(self, wanted: Wanted) -> None:
        """Load new listeners and rules without losing a connection.

        Raises DidNotTakeOver; the last configuration is in force then.
        """
        self._write(wanted, self.servers())
        self._take_over()
        self._await(wanted, nudge=self._take_over)

    def remove(self) -> None:
        """Take the container and its files away."""
        self._lab.podman.remove(self.container)
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- quick

    def loaded(self) -> str | None:
        """The digest of the configuration that answers now; None when nobody answers."""
        for line in self._ask("show info").splitlines():
            key, _, value = line.partition(": ")
            if key == "description":
                return value
        return None

    def servers(self) -> dict[str, list[Slot]]:
        """What stands in each group's slots now."""
        return slots.read(self._ask("show servers state"))

    def counters(self) -> list[str]:
        """What its last workers and the one of now have counted, as `traffic.read` takes it."""
        return [*self._ended, self._ask(traffic.QUESTION)]

    def tell(self, commands: list[str]) -> None:
        """Change servers; haproxy's complaints are logged."""
        for command in commands:
            said = self._ask(command).strip()
            if said and "changed" not in said and "no need" not in said:
                log.warning("%s: %s: %s", self.container, command, said)

    def _ask(self, command: str) -> str:
        """haproxy's answer; empty when nobody answers."""
        answer = b""
        with contextlib.suppress(OSError), _connected(self._folder / "admin.sock") as admin:
            admin.sendall(command.encode() + b"\n")
            while chunk := admin.recv(65536):
                answer += chunk
        return answer.decode()

    def _take_over(self) -> None:
        # Asked twice when it was too busy: nobody can ask it again.
        self._ended.append(self._ask(traffic.QUESTION) or self._ask(traffic.QUESTION))
        self._lab.podman.kill(self.container, "USR2")

    def _write(self, wanted: Wanted, held: dict[str, list[Slot]]) -> None:
        """The configuration, with the servers where they are: a reload must not move them."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, pem in wanted.certificates.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(pem)
        servers = {
            group.name: slots.assign(
                slots.widened(held.get(group.name, []), group.slots),
                wanted.targets.get(group.name, []),
            )
            for group in wanted.balancer.groups
        }
        fresh = self._folder / "haproxy.cfg.new"
        fresh.write_text(render(wanted.balancer, servers))
        fresh.replace(self._folder / "haproxy.cfg")

    def _await(self, wanted: Wanted, nudge: Callable[[], None] = lambda: None) -> None:
        """Until the wanted configuration answers; `nudge` once more when it takes long."""
        began = nudged = time.monotonic()
        while self.loaded() != wanted.balancer.digest:
            now = time.monotonic()
            if now > began + START_SECONDS:
                seen = self._lab.podman.seen(self.container)
                said = self._lab.podman.logs(self.container) if seen else "it is gone"
                raise DidNotTakeOver(f"{self.container}: {said[-400:] or 'it says nothing'}")
            if now > nudged + NUDGE_SECONDS:
                nudged = now
                nudge()
            time.sleep(0.05)


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    # A socket's path may have 107 characters; the folder's own descriptor makes it short.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(2)
            admin.connect(f"/proc/self/fd/{folder}/{path.name}")
            yield admin
    finally:
        os.close(folder)
