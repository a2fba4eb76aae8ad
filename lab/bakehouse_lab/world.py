"""moto's records, the lock around them, and who owns which address.

moto is not safe to use from several threads, so there is one lock: each API call holds it, and
each controller holds it while it looks and while it writes down what came of an errand. Nothing
slow is ever done under it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from bakehouse_lab.settings import ACCOUNT, REGION


@dataclass(frozen=True, slots=True)
class Address:
    """A network interface of the lab: whose it is, and what may reach it."""

    ip: str
    owner: str  # an instance id, a load balancer's ARN, a database's identifier
    vpc_id: str
    security_groups: tuple[str, ...]
    container: str  # the podman container in whose network namespace it lives


@dataclass(slots=True)
class World:
    """All that the controllers share."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    addresses: dict[str, Address] = field(default_factory=dict)  # by IP

    def backend(self, service: str, region: str = REGION) -> Any:
        """moto's backend of `service` in `region`; hold the lock while you use it.

        Global services (iam, sts, s3, route53) live in the partition, named `aws`.
        """
        from moto.backends import get_backend

        return get_backend(service)[ACCOUNT][region]

    def claim(self, address: Address) -> None:
        """Write down that `address` is in use; packet filters follow from it."""
        with self.lock:
            self.addresses[address.ip] = address

    def release(self, owner: str) -> None:
        """Forget all addresses of `owner`."""
        with self.lock:
            gone = [ip for ip, address in self.addresses.items() if address.owner == owner]
            for ip in gone:
                del self.addresses[ip]

    def members(self, group_id: str) -> set[str]:
        """The addresses in a security group: what a rule with that group as source lets in."""
        with self.lock:
            return {
                ip for ip, address in self.addresses.items() if group_id in address.security_groups
            }
