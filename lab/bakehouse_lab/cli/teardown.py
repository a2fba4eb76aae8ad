"""Taking a lab away: what `down`, `reset`, and an `up` that was interrupted have in common.

Everything is found by the lab's label, so that what a crash left behind goes too, and what the lab
did not make stays.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bakehouse_lab import network
from bakehouse_lab.cli import daemon
from bakehouse_lab.cli.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.podman import Podman, Seen
    from bakehouse_lab.settings import Settings
    from bakehouse_lab.steps import Step

AMI = "bakehouse.ami"
DATABASE = "database"
DATABASE_SECONDS = 20  # to write its pages: its volume stays


def stop_api(settings: Settings, step: Step) -> None:
    """Stop the process, so that no controller replaces what is taken away next."""
    state = daemon.look(settings)
    match state:
        case daemon.Up(pid) | daemon.Starting(pid):
            daemon.stop(pid)
        case daemon.Taken(by):
            step.note(f"port {settings.api_port} is not the lab's, it is {by}'s: left alone")
        case daemon.Down():
            step.note("it was not running")


def remove_containers(podman: Podman, step: Step) -> Sequence[Seen]:
    """Remove all of the lab's containers; databases may finish writing. Returns what was there."""
    found = podman.list()

    def remove(one: Seen) -> None:
        step.doing = one.name
        if one.kind == DATABASE and one.running:
            podman.stop(one.name, DATABASE_SECONDS)
        podman.remove(one.name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(remove, found))
    step.note(said(found))
    return found


def remove_networks(podman: Podman, settings: Settings, step: Step) -> None:
    """Remove the bridges, and the way to the metadata service."""
    names = podman.networks()
    for name in names:
        step.doing = name
        podman.remove_network(name)
    network.forget(settings)
    step.note(", ".join(names) or "there were none")


def remove_images(podman: Podman, settings: Settings, step: Step) -> None:
    """Remove the lab's own AMIs; the base images are shared with other labs and stay."""
    own = [name for name in podman.images(AMI) if is_own(settings, name)]
    for name in own:
        step.doing = name
        podman.remove_image(name)
    step.note(f"{len(own)}")


def is_own(settings: Settings, image: str) -> bool:
    """Whether an image stands for an AMI of this lab."""
    return image.startswith(f"localhost/{settings.prefix}/ami:")


def remove_volumes(podman: Podman, step: Step) -> None:
    """Remove the databases' data."""
    names = podman.volumes()
    for name in names:
        step.doing = name
        podman.remove_volume(name)
    step.note(f"{len(names)}")


def remove_state(settings: Settings) -> None:
    """Remove the lab's folders; the certificate authority lies beside them and stays.

    Raises Refused when the folder is not where a lab's folder is.
    """
    for folder in (settings.state, settings.runtime):
        if folder.name != settings.name:
            raise Refused(f"{folder} does not look like the folder of {settings.name}: left alone")
    shutil.rmtree(settings.state, ignore_errors=True)
    for path in settings.runtime.iterdir() if settings.runtime.exists() else ():
        if path.name != "lab.lock":  # held by us
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def said(found: Sequence[Seen]) -> str:
    """Containers by kind, as a person would count them.

    >>> said([])
    'there were none'
    """
    kinds = sorted({one.kind for one in found})
    counts = [(sum(one.kind == kind for one in found), kind) for kind in kinds]
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for n, kind in counts) or "there were none"
