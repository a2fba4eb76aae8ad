"""Both ends of a host's life: a job that runs when its host goes, a new host's first visitors."""

from __future__ import annotations

import itertools
import json
import math
import select
import shlex
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

GROUP = "staging-web"
JOB_SECONDS = 20
DRAIN_SECONDS = 5  # shorter than the job, so that only the hook can save it
FIRST, STEADY = 20, 200
# What a processor that other tests keep busy may add; to wait for what is away takes longer.
NOISE_SECONDS = 0.5

# On a host: pages of its own address, one after the other, from the moment that it is told; and
# the processor time of all PHP-FPM meanwhile, which the kernel counts in nanoseconds.
VISIT = """
import http.client, json, pathlib, sys, time
address, first, steady = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def spent():
    total = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith("php-fpm"):
                total += int((process / "schedstat").read_text().split()[0])
        except OSError:
            pass
    return total / 1e9
def visit():
    before, began = spent(), time.monotonic()
    line = http.client.HTTPConnection(address, 80, timeout=30)
    line.request("GET", "/")
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status, time.monotonic() - began, spent() - before
sys.stdin.readline()
print(json.dumps([[visit() for _ in range(first)], [visit() for _ in range(steady)]]))
"""

# As the application, in its release: who wrote the row, and what the queue holds or has given out.
ROWS = """
require "vendor/autoload.php";
$app = require "bootstrap/app.php";
$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();
use Illuminate\\Support\\Facades\\{DB, Queue};
$rows = DB::table("replies")->where("asked_by", $argv[1])->pluck("written_by");
echo json_encode(["rows" => $rows, "left" => Queue::size()]);
"""


@dataclass
class Fleet:
    """The group's hosts, and shells on them."""

    lab: RunningLab

    def states(self) -> dict[str, str]:
        found = self.lab.group()["Instances"]
        return {each["InstanceId"]: each["LifecycleState"] for each in found}

    def address(self, instance: str) -> str:
        found = self.lab.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        return str(found[0]["Instances"][0]["PrivateIpAddress"])

    def shell(self, instance: str, *words: str) -> subprocess.Popen[str]:
        """A command on a host; its words are quoted for the shell there."""
        quiet = ["UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR"]
        key = self.lab.environment["BAKEHOUSE_SSH_KEY"]
        ssh = ["ssh", "-i", key, *(f"-o{each}" for each in [*quiet, "ConnectTimeout=3"])]
        return subprocess.Popen(
            [*ssh, f"admin@{self.address(instance)}", shlex.join(words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, instance: str, *words: str) -> str | None:
        """What a command says; None when it fails, or the host is not there."""
        with self.shell(instance, *words) as running:
            said, _ = running.communicate(timeout=60)
        return None if running.returncode else said

    def deregistration(self, seconds: int) -> None:
        elb = self.lab.client("elbv2")
        arn = elb.describe_target_groups(Names=[GROUP])["TargetGroups"][0]["TargetGroupArn"]
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(seconds)}
        elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])


@dataclass
class Watch:
    """The group's states, four times a second: some last no longer."""

    fleet: Fleet
    seen: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._look()
        self._thread = threading.Thread(target=self._go)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def now(self) -> dict[str, str]:
        return self.seen[-1]

    def life(self, instance: str) -> list[str]:
        """What one went through, in order."""
        states = [states.get(instance, "gone") for states in self.seen]
        return [state for state, _ in itertools.groupby(states)]

    def waited(self, instance: str) -> float:
        """How long the hook held its end, in seconds."""
        looks = zip(self.times, self.seen, strict=False)
        held = [at for at, states in looks if states.get(instance) == "Terminating:Wait"]
        return held[-1] - held[0] if held else 0.0

    def _go(self) -> None:
        while not self._over.wait(0.25):
            self._look()

    def _look(self) -> None:
        self.seen.append(self.fleet.states())
        self.times.append(time.monotonic())


@dataclass
class Replaced:
    """A host with a job was ended, and another came."""

    victim: str
    life: list[str]  # the victim's states, in order
    waited: float  # seconds that its hook held its end
    queue: dict[str, Any]
    first: list[list[float]]  # of the new host's first answers: status, seconds, processor seconds
    beside: list[list[float]]  # of another host's, at the same time
    steady: list[list[float]]  # of the new host's, after them


@pytest.fixture(scope="module")
def replaced(converged: RunningLab) -> Iterator[Replaced]:
    fleet = Fleet(converged)
    fleet.deregistration(DRAIN_SECONDS)
    try:
        yield replace(fleet)
    finally:
        fleet.deregistration(20)


def replace(fleet: Fleet) -> Replaced:
    """End the host that has just begun a job; ask the new one for pages when it is in service."""
    with Watch(fleet) as watch:
        before = [each for each, state in watch.now.items() if state == "InService"]
        asker = f"lifecycle-{time.time():.0f}"
        victim = give_job(fleet, before, asker)
        fleet.lab.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=victim, ShouldDecrementDesiredCapacity=False
        )
        come = str(until(lambda: next(iter(set(watch.now) - set(before)), None), seconds=120))
        other = next(each for each in before if each != victim)
        answers = visit(fleet, watch, come, other)
        until(lambda: victim not in watch.now, seconds=120)
    php = f"cd /srv/app/current && php -r '{ROWS}' {asker}"
    rows = fleet.run(come, "sudo", "-u", "app", "sh", "-c", php)
    assert rows
    return Replaced(victim, watch.life(victim), watch.waited(victim), json.loads(rows), *answers)


def give_job(fleet: Fleet, hosts: Sequence[str], asker: str) -> str:
    """Queue a job; the host whose worker has just taken it."""
    journal = "sudo timeout 60 journalctl -f -n 0 -o cat -u 'laravel-worker@*'"
    said = f"{journal} | grep --line-buffered WriteReply"
    listening = {fleet.shell(host, "sh", "-c", said): host for host in hosts}
    try:
        ask = ["sudo", "artisan", "reply:ask", f"--seconds={JOB_SECONDS}", f"--by={asker}"]
        assert fleet.run(hosts[0], *ask) is not None
        outputs = {shell.stdout: host for shell, host in listening.items() if shell.stdout}
        heard, _, _ = select.select(list(outputs), [], [], 60)
        assert heard, "no worker took the job in 60 s"
        return outputs[heard[0]]
    finally:
        for shell in listening:
            shell.kill()
            shell.communicate()


def visit(fleet: Fleet, watch: Watch, host: str, other: str) -> list[list[list[float]]]:
    """A host's first answers when it is in service, another host's meanwhile, and its next ones."""
    until(lambda: fleet.run(host, "true") is not None, seconds=120)
    wanted = ["python3", "-c", VISIT]
    counts = [str(FIRST), str(STEADY)]
    with (
        fleet.shell(host, *wanted, fleet.address(host), *counts) as here,
        fleet.shell(other, *wanted, fleet.address(other), *counts) as there,
    ):
        until(lambda: watch.now[host] == "InService", seconds=120)
        for each in (here, there):
            assert each.stdin
            each.stdin.write("go\n")
            each.stdin.flush()
        first, steady = json.loads(here.communicate(timeout=120)[0])
        beside, _ = json.loads(there.communicate(timeout=120)[0])
    return [first, beside, steady]


SECONDS, PROCESSOR = 1, 2


def p95(answers: list[list[float]], of: int) -> float:
    """By nearest rank."""
    times = sorted(answer[of] for answer in answers)
    return times[math.ceil(0.95 * len(times)) - 1]


def test_a_job_that_runs_when_its_host_is_ended_ends_exactly_once(
    replaced: Replaced, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n  held for {replaced.waited:.1f} s: {' > '.join(replaced.life)}")
    assert replaced.queue == {"rows": [replaced.victim], "left": 0}
    assert "Terminating:Wait" in replaced.life
    # The rest of the job and some looks: not until somebody gives it up.
    assert replaced.waited < JOB_SECONDS + 20


def test_the_first_visitors_of_a_new_host_wait_no_longer_than_others(
    replaced: Replaced, capsys: pytest.CaptureFixture[str]
) -> None:
    """PHP-FPM has no more work meanwhile: how long they wait is other tests' doing too."""
    waits = [p95(each, SECONDS) for each in (replaced.first, replaced.beside, replaced.steady)]
    work = [p95(each, PROCESSOR) for each in (replaced.first, replaced.steady)]
    with capsys.disabled():
        sys.stdout.write(
            "\n  p95 of the first {}: {:.0f} ms, of another host's meanwhile: {:.0f} ms, then"
            " {:.0f} ms;".format(FIRST, *(1e3 * each for each in waits))
            + "  processor time: {:.1f} ms, then {:.1f} ms".format(*(1e3 * each for each in work))
        )
    assert {status for status, *_ in replaced.first} == {200}
    assert work[0] <= 2 * work[1]
    assert waits[0] <= max(2 * waits[1], 2 * waits[2], NOISE_SECONDS)
