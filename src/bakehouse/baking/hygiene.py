"""What two fresh hosts of one image may not have in common, and what neither may have at all.

`program` runs on a host, as root; `findings` judges two of its answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROGRAM = Path(__file__).with_name("traces.py")


@dataclass(frozen=True, slots=True)
class Traces:
    """What one fresh host said."""

    machine_id: str
    host_keys: Mapping[str, str]  # SHA-256 of each, by its path
    authorized: Mapping[str, list[str]]  # lines of authorized_keys, by its path
    boots: int  # that the journal knows
    logs: list[str]  # files that hold what was written before this host began
    history: list[str]
    package_lists: list[str]
    cloud: list[str]  # instances that cloud-init knows
    canary: list[str]  # files with the secret of the bake


def program(canary: str) -> str:
    """What a host's Python is given on standard input: no list of processes has the canary."""
    return f"{_PROGRAM.read_text()}\nmain({canary!r})\n"


def read(answer: str) -> Traces:
    """The answer of the program."""
    return Traces(**json.loads(answer))


# What is looked at, in the words of the record.
CHECKS = (
    "machine-id differs",
    "host keys differ",
    "no key but the one it was launched with",
    "no journal or log of the bake",
    "nothing that a shell or Ansible left",
    "no package lists",
    "no other instance's cloud-init state",
    "the canary is nowhere on the disk",
)


def findings(first: Traces, second: Traces, key: str) -> list[str]:
    """What is wrong with the image, a sentence each; `key` is the public key of the launch."""
    return [*_shared(first, second), *_brought(first, key)]


def _shared(first: Traces, second: Traces) -> Iterator[str]:
    if not first.machine_id or first.machine_id == second.machine_id:
        yield f"two hosts have one machine-id ({first.machine_id or 'none'})"
    if not first.host_keys:
        yield "a host has no SSH host keys"
    for path in sorted(first.host_keys.items() & second.host_keys.items()):
        yield f"two hosts have one host key: {path[0]}"


def _brought(host: Traces, key: str) -> Iterator[str]:
    """What a host brought along from the bake."""
    blob = key.split()[1]
    for path, lines in sorted(host.authorized.items()):
        strange = [line for line in lines if line.strip() and blob not in line]
        if strange:
            yield f"{path} lets in a key of the bake ({strange[0].split()[-1]})"
    if host.boots > 1:
        yield f"the journal knows {host.boots} boots, and this is the first"
    if len(host.cloud) > 1:
        yield f"cloud-init knows other instances: {', '.join(host.cloud)}"
    for what, paths in (
        ("a log of the bake", host.logs),
        ("what a shell or Ansible left", host.history),
        ("package lists", host.package_lists),
        ("the secret that was in the bake's environment", host.canary),
    ):
        if paths:
            yield f"there is {what}: {', '.join(paths[:3])}{' ...' if len(paths) > 3 else ''}"
