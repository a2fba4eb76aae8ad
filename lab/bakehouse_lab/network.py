"""Bridges, the way to the metadata service, and namespaces: what nft and nsenter are used for."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bakehouse_lab.podman import Podman
    from bakehouse_lab.settings import Settings

METADATA_ADDRESS = "169.254.169.254"

# Linux's number for it (<linux/in.h>): Python has no name for it.
IP_FREEBIND = 15


class AddressTaken(RuntimeError):
    """Another process listens on an address and port of the lab."""


class FilterRefused(RuntimeError):
    """nft did not take a rule set; the old one is still in force."""


def name_of(settings: Settings, cidr: str) -> str:
    """The podman network of a VPC: named by its range, because VPC ids change at each start."""
    return f"{settings.prefix}-{cidr.replace('.', '-').replace('/', '-')}"


def ensure(podman: Podman, settings: Settings, cidr: str) -> tuple[str, str]:
    """The network of a VPC with the way to the metadata service; (network, gateway address).

    Two VPCs of one lab with the same range share a network: podman knows a range once only.
    """
    name = name_of(settings, cidr)
    podman.ensure_network(name, cidr)
    bridge, gateway = podman.network(name)
    _translate_metadata(settings, name, bridge, gateway)
    return name, gateway


def listener(address: str, port: int) -> socket.socket:
    """A listening socket on one address, which need not be there yet.

    A bridge exists only while a container is attached to it; a socket that is bound all the same
    outlives the bridge's comings and goings.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        sock.bind((address, port))
        sock.listen(128)
    except OSError as refused:
        sock.close()
        raise AddressTaken(
            f"cannot listen on {address}:{port}: {refused.strerror}; "
            f"see who does: ss -tlnp 'sport = :{port}'"
        ) from refused
    return sock


def nft(rules: str, netns: str | None = None) -> None:
    """Apply a rule set as one transaction, here or in a container's network namespace.

    Raises FilterRefused when nft does not take it.
    """
    enter = ["nsenter", f"--net={netns}"] if netns else []
    done = subprocess.run(
        [*enter, "nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise FilterRefused(f"{done.stderr.strip()[:400]}\nin:\n{rules}")


def forget(settings: Settings) -> None:
    """Remove the lab's address translations from this machine."""
    table = _table(settings)
    nft(f"table ip {table}\ndelete table ip {table}\n")


def _table(settings: Settings) -> str:
    return settings.prefix.replace("-", "_")


def _translate_metadata(settings: Settings, name: str, bridge: str, gateway: str) -> None:
    """Only packets that enter by the lab's own bridge are touched: the machine may have IMDS too.

    A listener on 169.254.169.254:80 inside the instance's namespace would be simpler, but then
    the instance's own nginx cannot bind 0.0.0.0:80 (measured).
    """
    table, chain = _table(settings), name.replace("-", "_")
    nft(
        f"""
table ip {table} {{
  chain {chain} {{
    type nat hook prerouting priority dstnat - 1;
  }}
}}
flush chain ip {table} {chain}
add rule ip {table} {chain} iifname "{bridge}" ip daddr {METADATA_ADDRESS} tcp dport 80 \
dnat to {gateway}:{settings.imds_port}
"""
    )
