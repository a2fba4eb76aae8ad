"""What every verb of `scripts/lab` needs before it begins, and how it says that it cannot."""

from __future__ import annotations

import argparse
import os
import shutil

from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman
from bakehouse_lab.settings import Settings


class Refused(RuntimeError):
    """A verb cannot do what it was asked; the message says why and what to type next."""


def parser(verb: str, what: str, epilog: str) -> argparse.ArgumentParser:
    """A parser for one verb; `epilog` has its exit statuses and two examples."""
    return argparse.ArgumentParser(
        prog=f"scripts/lab {verb}",
        description=what,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def need_root(verb: str, uid: int | None = None) -> None:
    """Raises Refused for anyone else: bridges, namespaces, packet filters and keys are root's."""
    uid = os.geteuid() if uid is None else uid
    if uid != 0:
        command = Settings.from_environment().command  # sudo passes on what stands behind it
        raise Refused(f"'{verb}' needs root, you are uid {uid}; try: sudo {command} {verb}")


def podman_for(settings: Settings) -> Podman:
    """podman for this lab; raises Refused where there is none."""
    if shutil.which("podman") is None:
        raise Refused("podman is not installed; try: make setup")
    return Podman(settings, Machine.look())
