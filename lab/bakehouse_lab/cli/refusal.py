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


def need_root(verb: str) -> None:
    """Raises Refused for anyone else: bridges, namespaces and packet filters are root's."""
    if os.geteuid() != 0:
        raise Refused(
            f"'{verb}' needs root, you are uid {os.geteuid()}; try: sudo scripts/lab {verb}"
        )


def podman_for(settings: Settings) -> Podman:
    """podman for this lab; raises Refused where there is none."""
    if shutil.which("podman") is None:
        raise Refused("podman is not installed; try: make setup")
    return Podman(settings, Machine.look())
