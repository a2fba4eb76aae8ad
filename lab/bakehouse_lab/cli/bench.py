"""`make bench`: how long the lab's main things take, as min, median and max over several runs.

Needs the fleet of the demo: hosts are started beside it, and taken away again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from bakehouse_lab import bench, bench_refresh
from bakehouse_lab.bench import Measure, Unmeasured
from bakehouse_lab.cli import account, daemon, env
from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman
from bakehouse_lab.settings import REGION, Settings
from bakehouse_lab.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bakehouse_lab.steps import Step

ROOT = Path(__file__).parents[3]
GROUP = "staging-web"

EPILOG = """\
parts: api (over bare moto), memory (of a host), boot (of a host), site (site.yml with nothing to
change), refresh (of four hosts: the group grows for it, and is put back), bake (without
verification), verified (a bake with it), unchanged (a bake that finds its image)

exit status: 0 measured (whether or not an aim was met), 1 something could not be measured

examples:
  make bench
  .venv/bin/python -m bakehouse_lab.cli.bench --runs 10 --bakes 5
  .venv/bin/python -m bakehouse_lab.cli.bench refresh --refreshes 10
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="make bench",
        description="Measure boot, bake, refresh, second site.yml, API overhead and memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = grammar.add_argument
    add("parts", nargs="*", type=_part, metavar="PART", help="leave out all others")
    add("--runs", type=int, default=5, metavar="N", help="of each measure (5)")
    add("--bakes", type=int, default=2, metavar="N", help="of each kind; 0 leaves them out (2)")
    add("--refreshes", type=int, default=4, metavar="N", help="0 leaves them out (4)")
    return grammar


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PARTS)}")
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    wanted = parser().parse_args(argv)
    settings = Settings.from_environment()
    if not isinstance(daemon.look(settings), daemon.Up):
        print("the lab is down; start it with its fleet: make demo", file=sys.stderr)
        return 1
    os.environ.update(env.exports(settings))
    os.environ["BAKEHOUSE_PARAMETERS"] = "/bench"  # so that no channel is moved to what goes again
    try:
        measures = _measure(Place(settings), wanted)
    except Unmeasured as failed:
        print(failed, file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    print(f"\n{bench.table(measures)}\n\n{os.cpu_count()} cores, load at the end {load:.1f}")
    return 0


def rounds(wanted: argparse.Namespace) -> dict[str, int]:
    """How often each part is measured, in their order; those that are left out are not there.

    >>> rounds(parser().parse_args(["verified", "api", "--bakes", "1"]))
    {'api': 5, 'verified': 1}
    """
    said = {"refresh": wanted.refreshes, "bake": wanted.bakes, "verified": wanted.bakes}
    every = {part: said.get(part, wanted.runs) for part in PARTS}
    return {
        part: times for part, times in every.items() if times and part in (wanted.parts or PARTS)
    }


def _measure(place: Place, wanted: argparse.Namespace) -> list[Measure]:
    chosen = rounds(wanted)
    steps = Steps(len(chosen))
    measures = []
    for part, times in chosen.items():
        measured = [Measure(*line) for line in PARTS[part].lines]
        with steps.step(measured[0].name) as step:
            PARTS[part].measure(place, Runs(times, step), *measured)
        measures += measured
    return measures


@dataclass(frozen=True, slots=True)
class Place:
    """The lab that is measured."""

    settings: Settings

    def client(self, service: str) -> Any:
        """A client of its account."""
        return account.client(self.settings, service)


@dataclass(frozen=True, slots=True)
class Runs:
    """How often, and who hears of it."""

    times: int
    step: Step

    def of(self, once: Callable[[], float], measure: Measure) -> None:
        """Measure that often."""
        for run in range(1, self.times + 1):
            self.step.doing = f"{run} of {self.times}"
            measure.values.append(once())


def _boot(place: Place, runs: Runs, measure: Measure) -> None:
    runs.of(lambda: bench.boot(place.client, GROUP), measure)


def _memory(place: Place, runs: Runs, measure: Measure) -> None:
    """Of each host once: it does not change from one look to the next."""
    podman = Podman(place.settings, Machine.look())
    measure.values += [bench.memory_mib(podman, host) for host in _hosts(place)]


def _hosts(place: Place) -> list[str]:
    record = bench.described(place.client, GROUP)
    hosts = [each["InstanceId"] for each in record["Instances"]]
    if not hosts:
        raise Unmeasured(f"{GROUP} has no hosts; launch them: make demo")
    return hosts


def _site(place: Place, runs: Runs, measure: Measure) -> None:
    play = str(ROOT / ".venv" / "bin" / "ansible-playbook")
    bench.command(play, "site.yml", root=ROOT)
    runs.of(lambda: bench.command(play, "site.yml", root=ROOT)[0], measure)


def _refresh(place: Place, runs: Runs, whole: Measure, overhead: Measure) -> None:
    with bench_refresh.four(place.client, GROUP, ROOT) as pair:

        def once() -> float:
            took = pair.refresh()
            overhead.values.append(took.overhead)
            return took.wall

        runs.of(once, whole)


def _bake(place: Place, runs: Runs, measure: Measure, *how: str) -> None:
    """Bake in any case, and take the image away again."""

    def once() -> float:
        seconds, image = _baked("--force", *how)
        place.client("ec2").deregister_image(ImageId=image)
        return seconds

    runs.of(once, measure)


def _bake_alone(place: Place, runs: Runs, measure: Measure) -> None:
    _bake(place, runs, measure, "--no-verify")


def _unchanged(place: Place, runs: Runs, measure: Measure) -> None:
    """The first bake is not counted: it makes the image that the others find, if there is none."""
    ec2 = place.client("ec2")
    there = {each["ImageId"] for each in ec2.describe_images(Owners=["self"])["Images"]}
    _, image = _baked()
    runs.of(lambda: _baked()[0], measure)
    if image not in there:
        ec2.deregister_image(ImageId=image)


def _baked(*how: str) -> tuple[float, str]:
    """Seconds that a bake took, and its image."""
    seconds, said = bench.command("scripts/bake", "--json", *how, root=ROOT)
    return seconds, str(json.loads(said)["image"])


def _api(place: Place, runs: Runs, measure: Measure) -> None:
    with bench.bare_moto(place.settings.api_port + 50) as endpoint:
        bare = boto3.Session("lab", "lab", region_name=REGION)
        ours, theirs = _calls(place.client), _calls(partial(bare.client, endpoint_url=endpoint))
        runs.of(lambda: bench.overhead(ours, theirs), measure)


def _calls(client: Callable[[str], Any]) -> list[Callable[[], Any]]:
    """Calls whose answer is as long on both sides, whatever is in the account."""
    ec2, sts, ssm = client("ec2"), client("sts"), client("ssm")
    parameter = {"Name": "/bench", "Value": "1", "Type": "String", "Overwrite": True}
    return [
        sts.get_caller_identity,
        ec2.describe_availability_zones,
        partial(ssm.put_parameter, **parameter),
        partial(ssm.get_parameter, Name="/bench"),
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """Something to measure: how, and the lines that it adds to the table (name, unit, aim)."""

    measure: Callable[..., None]
    lines: tuple[tuple[str, str, float], ...]


# In the order in which they are measured: what takes longest comes last.
PARTS = {
    "api": Part(_api, (("API, times bare moto", "x", 2),)),
    "memory": Part(_memory, (("Memory of a web host (PSS)", "MiB", 250),)),
    "boot": Part(_boot, (("RunInstances to healthy", "s", 10),)),
    "site": Part(_site, (("site.yml with nothing to change", "s", 20),)),
    "refresh": Part(
        _refresh, (("Refresh of four hosts", "s", 60), ("What scripts/refresh adds", "%", 5))
    ),
    "bake": Part(_bake_alone, (("Bake, without verification", "s", 120),)),
    "verified": Part(_bake, (("Bake, verified on fresh hosts", "s", 180),)),
    "unchanged": Part(_unchanged, (("Bake with nothing changed", "s", 3),)),
}

if __name__ == "__main__":
    raise SystemExit(main())
