"""One lab's name, ports, networks and folders, all of them following from its slot.

Two labs can run side by side because nothing that they use is the same: slot 0 is the lab that
everyone uses, slot 1 the one that the tests start beside it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SLOTS = 8

ACCOUNT = "123456789012"
REGION = "us-east-1"


# An instance refresh that comes no nearer to its end fails after an hour on AWS, where an instance
# boots in half a minute; here it boots in two seconds.
REFRESH_STALL_SECONDS = 300.0


class UnusableSetting(ValueError):
    """Something in the environment cannot be followed."""


class UnusableSlot(UnusableSetting):
    """The slot that was asked for is not a number from 0 to 7."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where one lab lives on this machine. Two slots share nothing but base images."""

    slot: int = 0
    refresh_stall_seconds: float = REFRESH_STALL_SECONDS

    @property
    def name(self) -> str:
        """What people call it, and the value of the label on all that it makes."""
        return "lab" if self.slot == 0 else f"lab{self.slot}"

    @property
    def command(self) -> str:
        """What one types before a verb to mean this lab, whatever the shell has set."""
        return "scripts/lab" if self.slot == 0 else f"BAKEHOUSE_LAB_SLOT={self.slot} scripts/lab"

    @property
    def neighbour(self) -> Settings:
        """The lab to take when something on this machine is in the way of this one."""
        return Settings((self.slot + 1) % SLOTS)

    @property
    def prefix(self) -> str:
        """How the names of its containers, networks and images start."""
        return f"bakehouse-{self.name}"

    @property
    def api_port(self) -> int:
        """The AWS API, on loopback and on the lab's own bridges."""
        return 4570 + 100 * self.slot

    @property
    def imds_port(self) -> int:
        """Where requests to 169.254.169.254:80 end up, on the lab's own bridges only."""
        return self.api_port + 1

    @property
    def http_port(self) -> int:
        """The first load balancer's port 80, on loopback; each further one takes the next."""
        return 8080 + 100 * self.slot

    @property
    def https_port(self) -> int:
        """The first load balancer's port 443, on loopback; each further one takes the next."""
        return 8443 + 100 * self.slot

    @property
    def environment_cidr(self) -> str:
        """The VPC of the example environment."""
        return f"10.{20 + self.slot}.0.0/16"

    @property
    def default_vpc_cidr(self) -> str:
        """The account's default VPC; 172.31.0.0/16, as on AWS, in slot 0."""
        return f"172.{31 - self.slot}.0.0/16"

    @property
    def endpoint(self) -> str:
        """`AWS_ENDPOINT_URL` for programs on this machine."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def state(self) -> Path:
        """What must outlive the process: the certificate authority, logs, AMI records."""
        return Path(os.environ.get("BAKEHOUSE_LAB_STATE", "/var/lib/bakehouse-lab")) / self.name

    @property
    def runtime(self) -> Path:
        """What dies with the machine: pid file, sockets, rendered configuration."""
        return Path(os.environ.get("BAKEHOUSE_LAB_RUNTIME", "/run/bakehouse-lab")) / self.name

    @classmethod
    def from_environment(cls) -> Settings:
        """What `BAKEHOUSE_LAB_SLOT` (default 0) and `BAKEHOUSE_LAB_REFRESH_STALL_SECONDS` say.

        Raises UnusableSetting when the one is not a number from 0 to 7, or the other none above 0.
        """
        said = os.environ.get("BAKEHOUSE_LAB_SLOT", "0")
        if not said.isdecimal() or int(said) >= SLOTS:
            raise UnusableSlot(
                f"BAKEHOUSE_LAB_SLOT is {said!r}, wanted a number from 0 to {SLOTS - 1}; "
                "try: BAKEHOUSE_LAB_SLOT=1 scripts/lab up"
            )
        stall = os.environ.get("BAKEHOUSE_LAB_REFRESH_STALL_SECONDS", "")
        if stall and not (stall.isdecimal() and int(stall)):
            raise UnusableSetting(
                f"BAKEHOUSE_LAB_REFRESH_STALL_SECONDS is {stall!r}, wanted a number of seconds "
                "above 0; try: BAKEHOUSE_LAB_REFRESH_STALL_SECONDS=60 scripts/lab up"
            )
        return cls(int(said), float(stall or REFRESH_STALL_SECONDS))


# Images shared by all labs of a machine, built by `scripts/lab images`.
BASE_IMAGES = {
    "debian-13": "localhost/bakehouse-base:debian-13",
    "debian-12": "localhost/bakehouse-base:debian-12",
}
SERVICES_IMAGE = "localhost/bakehouse-services:debian-13"  # haproxy, mariadb, redis
