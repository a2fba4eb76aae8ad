"""How a cache is worded: Redis's configuration, and the container that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.podman import Container
from bakehouse_lab.settings import SERVICES_IMAGE

if TYPE_CHECKING:
    from bakehouse_lab.endpoint import Place
    from bakehouse_lab.settings import Settings

KIND = "cache"
FILES = "/run/redis"  # where the start script puts them, readable by Redis alone

# ElastiCache keeps these to itself: an application that needs one fails here as it would there.
RESERVED = (
    "BGREWRITEAOF",
    "BGSAVE",
    "CONFIG",
    "DEBUG",
    "MIGRATE",
    "REPLICAOF",
    "SAVE",
    "SHUTDOWN",
    "SLAVEOF",
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A node as it is wanted. `names`: by which it is found; `primary`: the address it follows."""

    id: str
    names: tuple[str, ...]
    port: int
    place: Place
    token: str | None
    encrypted: bool
    primary: str | None


def container_name(settings: Settings, node: str) -> str:
    """One container for each node."""
    return f"{settings.prefix}-cache-{node}"


def configuration(spec: Spec) -> str:
    """Redis's configuration file, as ElastiCache sets it up and a desk can bear it.

    With encryption in transit there is no port but the encrypted one.
    """
    lines = [
        "bind 0.0.0.0",
        "protected-mode no",
        f"port {0 if spec.encrypted else spec.port}",
        'save ""',  # nothing on disk
        "dir /tmp",
        "repl-diskless-sync-delay 0",  # no second replica is worth waiting five seconds for
        "maxmemory 64mb",
        "maxmemory-policy volatile-lru",
        *(f'rename-command {command} ""' for command in RESERVED),
    ]
    if spec.encrypted:
        lines += [
            f"tls-port {spec.port}",
            f"tls-cert-file {FILES}/server.pem",
            f"tls-key-file {FILES}/server.key",
            f"tls-ca-cert-file {FILES}/ca.pem",
            "tls-auth-clients no",
            "tls-replication yes",
        ]
    if spec.token:
        lines += [f'requirepass "{spec.token}"', f'masterauth "{spec.token}"']
    if spec.primary:
        lines.append(f"replicaof {spec.primary} {spec.port}")
    return "\n".join(lines) + "\n"


def container(settings: Settings, spec: Spec, network: str, files: Path) -> Container:
    """What to ask podman for; `files` holds the configuration, the certificate and its key."""
    script = Path(__file__).with_name("serve-redis")
    return Container(
        name=container_name(settings, spec.id),
        kind=KIND,
        id=spec.id,
        image=SERVICES_IMAGE,
        network=network,
        ip=spec.place.ip,
        command=("/lab/serve-redis", FILES),
        aliases=spec.names,
        mounts=(f"{script}:/lab/serve-redis:ro", f"{files}:/lab/files:ro"),
    )


def until_it_answers(spec: Spec) -> str:
    """A shell loop that ends when a primary answers, or a replica has all that its primary has.

    The password is read inside, from a file that Redis alone can read: no process list shows it.
    """
    encrypted = " --tls --insecure" if spec.encrypted else ""
    question, answer = "ping", "PONG"
    if spec.primary:
        question, answer = "info replication", "master_link_status:up"
    asked = f"redis-cli --no-auth-warning -p {spec.port}{encrypted} {question} 2>&1"
    return (
        f"REDISCLI_AUTH=$(cat {FILES}/token) && export REDISCLI_AUTH && "
        f"until {asked} | grep -q {answer}; do sleep 0.1; done"
    )
