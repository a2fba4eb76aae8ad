"""The process: moto's API with real hosts behind it, until it is told to stop.

    python -m bakehouse_lab.serve

Order matters twice. At the start: mend moto, extend it, adopt or report what an earlier process
left, then answer. At the end: stop answering, stop the loops, and only then let `scripts/lab down`
remove containers, so that no controller replaces what is being taken away.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading

from bakehouse_lab import compat
from bakehouse_lab.api import moto_settings
from bakehouse_lab.api.server import ApiServer
from bakehouse_lab.lab import Lab
from bakehouse_lab.machine import Machine
from bakehouse_lab.network import AddressTaken
from bakehouse_lab.podman import Podman
from bakehouse_lab.settings import Settings

log = logging.getLogger("bakehouse_lab")

SERVICES = ("ec2", "imds", "elb", "autoscaling", "rds", "elasticache", "agent_standin")


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    moto_settings.configure()
    settings = Settings.from_environment()
    lab = Lab(settings, Podman(settings, Machine.look()))
    for defect in compat.mend_all():
        log.info("mended: %s", defect)
    try:
        api = ApiServer(lab)
    except AddressTaken as taken:
        log.error("%s", taken)
        return 1
    for name in SERVICES:
        service = importlib.import_module(f"bakehouse_lab.{name}")
        if hasattr(service, "serve"):
            lab.loops.extend(service.serve(lab))
        else:
            log.warning("%s: not written yet, moto alone answers", name)
    pid_file = settings.runtime / "serve.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    api.start()
    for loop in lab.loops:
        loop.start()
    log.info("serving AWS at %s", settings.endpoint)
    told.wait()
    api.stop()
    for loop in lab.loops:
        loop.stop()
    lab.errands.stop()
    pid_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
