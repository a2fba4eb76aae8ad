"""`scripts/lab up`: start the lab and make its example environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab import doctor, images, ports
from bakehouse_lab.cli import account, daemon, environment, teardown
from bakehouse_lab.cli.refusal import Refused, need_root, parser, podman_for
from bakehouse_lab.podman import PodmanFailed
from bakehouse_lab.settings import Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bakehouse_lab.podman import Podman
    from bakehouse_lab.ports import Listener

EPILOG = """\
exit status: 0 the lab is up, 1 it could not be started, 130 interrupted; what a failed or
interrupted start had made of the lab is taken down again

examples:
  scripts/lab up
  BAKEHOUSE_LAB_SLOT=1 scripts/lab up --bare     a second lab, with an empty account
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Start what does not run, make what is not there; returns the exit status."""
    parse = parser("up", "Start the lab, and make its example environment.", EPILOG)
    parse.add_argument("--bare", action="store_true", help="leave out the example environment")
    wanted = parse.parse_args(argv)
    need_root("up")
    settings = Settings.from_environment()
    podman = podman_for(settings)
    with daemon.alone(settings, "up"):
        _up(settings, podman, wanted.bare)
    return 0


def _up(settings: Settings, podman: Podman, bare: bool) -> None:
    state = daemon.look(settings)
    running = isinstance(state, daemon.Up)
    if not running:
        found = (ports.listener(port) for port in doctor.ports_of(settings))
        need_ports(settings, (one for one in found if one))
    steps = Steps((1 if running else 4) + (not bare))
    if running:
        _prepare(settings, podman, steps, bare)
    else:
        _begin(settings, podman, steps, state)
        try:
            _prepare(settings, podman, steps, bare)
        except KeyboardInterrupt:
            print("\nlab: interrupted; taking down what was started")
            _take_down(settings, podman)
            raise
    print(f'The lab answers at {settings.endpoint}; next: eval "$({settings.command} env)"')


def need_ports(settings: Settings, listening: Iterable[Listener]) -> None:
    """Raises Refused naming a program that has a port of the lab, or of its first balancer.

    Balancers of a run that crashed are the lab's own; another process with its API is not.
    """
    for one in listening:
        if one.port == settings.api_port or not doctor.is_labs(one, settings):
            raise Refused(
                f"port {one.port} is taken by {one}; end it, "
                f"or start another lab: {settings.neighbour.command} up"
            )


def _begin(settings: Settings, podman: Podman, steps: Steps, state: daemon.State) -> None:
    with steps.step("Images") as step:
        try:
            built = [
                recipe.image
                for recipe in images.recipes()
                if images.build(podman, settings, recipe)
            ]
        except (images.ImageNotBuilt, PodmanFailed) as failed:
            raise Refused(f"{failed}\ntry: scripts/lab images") from failed
        step.note(f"made {', '.join(built)}" if built else "there already")
    with steps.step("Leftovers of an earlier run") as step:
        if isinstance(state, daemon.Starting):
            daemon.stop(state.pid)
            step.note(f"ended process {state.pid}, which did not listen")
        teardown.remove_containers(podman, step)
    with steps.step("API") as step:
        pid = daemon.start(settings)
        step.note(f"{settings.endpoint}, pid {pid}")


def _prepare(settings: Settings, podman: Podman, steps: Steps, bare: bool) -> None:
    with steps.step("Key pair") as step:
        made = account.ensure_key_pair(settings, account.client(settings, "ec2"))
        step.note(str(account.private_key(settings)) if made else "there already")
    if not bare:
        with steps.step(environment.STEP) as step:
            environment.make(settings, step)


def _take_down(settings: Settings, podman: Podman) -> None:
    steps = Steps(3)
    with steps.step("Stop the API") as step:
        teardown.stop_api(settings, step)
    with steps.step("Remove containers") as step:
        teardown.remove_containers(podman, step)
    with steps.step("Remove networks") as step:
        teardown.remove_networks(podman, settings, step)
