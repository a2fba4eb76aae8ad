"""The hosts behind instances: containers that boot systemd, as podman has to be told."""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse_lab.ec2.first_process import PROC, hears_power_off, listens_on_ssh
from bakehouse_lab.podman import Container
from bakehouse_lab.settings import REGION

if TYPE_CHECKING:
    from pathlib import Path

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Seen

KIND = "instance"

# Without SYS_ADMIN systemd silently leaves out ProtectSystem, PrivateTmp and their kind; without
# SYS_BOOT a reboot cannot be told from a power-off. Never privileged: that hands over the clock
# and the kernel settings of the whole machine.
CAPABILITIES = (
    "SYS_ADMIN",
    "NET_ADMIN",
    "NET_RAW",
    "SYS_NICE",
    "SYS_BOOT",
    "SYS_PTRACE",
    "AUDIT_WRITE",
)

# The first thing of all, in the host's own namespace: mounts are shared (else LoadCredential=
# hands over an empty directory), and the network's sysctls, which are the host's own, can be
# written (all other sysctls are the machine's and stay read-only). The container engine's /tmp
# goes, so that systemd mounts it as the host's own units say.
BOOT = (
    "mount --make-rshared / && mount --bind /proc/sys/net /proc/sys/net"
    " && mount -o remount,bind,rw /proc/sys/net; umount /tmp; exec /sbin/init"
)

# How long a host may take to shut down: systemd's own limit for a unit is 90 s.
STOP_SECONDS = 60
TERMINATE_SECONDS = 15

BOOT_LOOK_SECONDS = 0.1  # until systemd is there; it takes a fraction of a second


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that a host is made from, copied out of the records under the lock."""

    id: str
    image: str
    cidr: str  # of its VPC
    ip: str
    dns_name: str
    memory_mib: int
    cpus: int


class Hosts:
    """Makes, starts and ends hosts; every verb may be repeated."""

    def __init__(self, lab: Lab, proc: Path = PROC) -> None:
        """Work for one lab, on a machine that shows its processes in `proc`."""
        self._lab, self._proc = lab, proc
        self._folder = lab.settings.runtime / "instances"

    def name(self, instance_id: str) -> str:
        """The container of an instance."""
        return f"{self._lab.settings.prefix}-{instance_id}"

    def all(self) -> dict[str, Seen]:
        """The hosts that there are, by instance id."""
        return {seen.id: seen for seen in self._lab.podman.list(KIND)}

    def reachable(self, seen: Seen) -> bool:
        """Whether a host that runs can be logged in to."""
        return listens_on_ssh(seen.pid, self._proc)

    def launch(self, plan: Blueprint) -> None:
        """Make a host from nothing and start it."""
        network, gateway = self._lab.network(plan.cidr)
        short = plan.dns_name.partition(".")[0]
        self._lab.podman.create(
            Container(
                name=self.name(plan.id),
                kind=KIND,
                id=plan.id,
                image=plan.image,
                network=network,
                ip=plan.ip,
                command=("/bin/sh", "-c", BOOT),
                aliases=(plan.dns_name, short),
                mounts=self._environment(plan.id, gateway),
                capabilities=CAPABILITIES,
                hostname=short,
                systemd=True,
                terminal=True,
                memory_mib=plan.memory_mib,
                cpus=plan.cpus,
                hosts_file=False,
            )
        )
        self.start(plan.id)

    def start(self, instance_id: str) -> None:
        """Start a host that is there."""
        self._lab.podman.start(self.name(instance_id))

    def stop(self, instance_id: str, *, forced: bool = False) -> None:
        """Shut a host down; its disk stays."""
        self._shut_down(self.name(instance_id), 0 if forced else STOP_SECONDS)

    def remove(self, instance_id: str) -> None:
        """Shut a host down and take its disk away."""
        name = self.name(instance_id)
        self._shut_down(name, TERMINATE_SECONDS)
        self._lab.podman.remove(name)
        shutil.rmtree(self._folder / instance_id, ignore_errors=True)

    def console(self, instance_id: str) -> str:
        """What the host has printed since it was made; empty when there is no host."""
        name = self.name(instance_id)
        return self._lab.podman.logs(name) if self._lab.podman.seen(name) else ""

    def _shut_down(self, name: str, seconds: float) -> None:
        """Tell a host that runs to shut down when it can hear it, and kill it after `seconds`.

        A word that comes before systemd does is lost.
        """
        end = time.monotonic() + seconds
        while (seen := self._lab.podman.seen(name)) and seen.running:
            left = end - time.monotonic()
            if left <= 0 or hears_power_off(seen.pid, self._proc):
                self._lab.podman.stop(name, max(0, math.ceil(left)))
                return
            time.sleep(BOOT_LOOK_SECONDS)

    def _environment(self, instance_id: str, gateway: str) -> tuple[str, ...]:
        """Where the API is, for programs on the host: mounted, so that it never gets into an AMI.

        Three readers: logins and sudo (PAM reads /etc/environment), and systemd's services.
        """
        said = {
            "AWS_ENDPOINT_URL": f"http://{gateway}:{self._lab.settings.api_port}",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        pairs = [f"{name}={value}" for name, value in said.items()]
        folder = self._folder / instance_id
        folder.mkdir(parents=True, exist_ok=True)
        logins = _written(folder / "environment", "\n".join(pairs) + "\n")
        services = _written(
            folder / "lab.conf", f"[Manager]\nDefaultEnvironment={' '.join(pairs)}\n"
        )
        return (
            f"{logins}:/etc/environment:ro",
            f"{services}:/run/systemd/system.conf.d/lab.conf:ro",
        )


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
