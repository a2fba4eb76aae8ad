"""`make bench`: how long the lab's main things take, as min, median and max over several runs.

Needs the fleet of the demo: hosts are started beside it, and taken away again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from bakehouse_lab import bench
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
exit status: 0 measured (whether or not an aim was met), 1 something could not be measured

examples:
  make bench
  .venv/bin/python -m bakehouse_lab.cli.bench --runs 10 --bakes 5
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make bench",
        description="Measure boot, bake, second site.yml, API overhead and memory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each measure (5)")
    parser.add_argument("--bakes", type=int, default=2, metavar="N", help="0 leaves them out (2)")
    wanted = parser.parse_args(argv)
    settings = Settings.from_environment()
    if not isinstance(daemon.look(settings), daemon.Up):
        print("the lab is down; start it with its fleet: make demo", file=sys.stderr)
        return 1
    os.environ.update(env.exports(settings))
    try:
        measures = _measure(settings, wanted.runs, wanted.bakes)
    except Unmeasured as failed:
        print(failed, file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    print(f"\n{bench.table(measures)}\n\n{os.cpu_count()} cores, load at the end {load:.1f}")
    return 0


def _measure(settings: Settings, runs: int, bakes: int) -> list[Measure]:
    client = partial(account.client, settings)
    boot = Measure("RunInstances to healthy", "s", 10)
    bake = Measure("Bake", "s", 120)
    site = Measure("site.yml with nothing to change", "s", 20)
    api = Measure("API, times bare moto", "x", 2)
    memory = Measure("Memory of a web host (PSS)", "MiB", 250)
    steps = Steps(4 + bool(bakes))
    with steps.step(api.name) as step:
        _api(client, settings, api, runs, step)
    with steps.step(memory.name):
        podman = Podman(settings, Machine.look())
        memory.values += [bench.memory_mib(podman, host) for host in _hosts(client)]
    with steps.step(boot.name) as step:
        _repeat(boot, runs, step, lambda: bench.boot(client, GROUP))
    with steps.step(site.name) as step:
        play = str(ROOT / ".venv" / "bin" / "ansible-playbook")
        bench.command(play, "site.yml", root=ROOT)
        _repeat(site, runs, step, lambda: bench.command(play, "site.yml", root=ROOT)[0])
    if bakes:
        with steps.step(bake.name) as step:
            _repeat(bake, bakes, step, lambda: _bake(client("ec2")))
    return [boot, bake, site, api, memory]


def _repeat(measure: Measure, runs: int, step: Step, once: Callable[[], float]) -> None:
    for run in range(1, runs + 1):
        step.doing = f"{run} of {runs}"
        measure.values.append(once())


def _hosts(client: Callable[[str], Any]) -> list[str]:
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
    hosts = [each["InstanceId"] for each in found["AutoScalingGroups"][0]["Instances"]]
    if not hosts:
        raise Unmeasured(f"{GROUP} has no hosts; launch them: make demo")
    return hosts


def _bake(ec2: Any) -> float:
    """Bake in any case, and take the image away again."""
    seconds, said = bench.command("scripts/bake", "--force", "--json", root=ROOT)
    ec2.deregister_image(ImageId=json.loads(said)["image"])
    return seconds


def _api(
    client: Callable[[str], Any], settings: Settings, measure: Measure, runs: int, step: Step
) -> None:
    with bench.bare_moto(settings.api_port + 50) as endpoint:
        bare = boto3.Session("lab", "lab", region_name=REGION)
        ours, theirs = _calls(client), _calls(partial(bare.client, endpoint_url=endpoint))
        _repeat(measure, runs, step, lambda: bench.overhead(ours, theirs))


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


if __name__ == "__main__":
    raise SystemExit(main())
