"""The schedule: claimed by the minute, run on one host, whatever clocks and databases do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host

PROGRAM = "/usr/local/lib/bakehouse/laravel-scheduler"
WAITS = "/usr/local/lib/bakehouse/laravel-schedule"
CLAIMS, RUNS = "laravel-scheduler.service", "laravel-schedule@20261127T1405Z.service"

# 2026-11-27 14:05:00 UTC, in minutes and in seconds.
MINUTE = 29929805
AT = MINUTE * 60

DECIDE = """
require "/usr/local/lib/bakehouse/laravel_scheduler/decide.php";
foreach (json_decode($argv[1]) as $case) {
    $next = Bakehouse\\Scheduler\\decide(...$case);
    $said[] = $next->claim ? "claim" : ($next->wait ? "wait {$next->wait}" : $next->status);
}
echo json_encode($said);
"""

# Why, the host's clock, the database's, and what is done 30 s of skew being allowed.
CASES = [
    ("both clocks show the minute", AT, AT, "claim"),
    ("the host is behind, and both show it", AT, AT + 29, "claim"),
    ("the host is ahead: it waits for the database", AT, AT - 20, "wait 20"),
    ("it has waited", AT + 20, AT, "claim"),
    ("a second too much", AT, AT - 31, 77),
    ("a second too much, behind", AT, AT + 31, 77),
    ("an hour wrong, as a wrong zone makes it", AT, AT + 3600, 77),
    ("the last moment at which tasks see their own minute", AT + 49, AT + 49, "claim"),
    ("tasks might see the next minute", AT + 50, AT + 50, 76),
    ("the timer was late by a minute", AT + 60, AT + 60, 76),
]

# On the host: claim a minute in a database that nobody serves.
AWAY = r"""
import json, pathlib, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    environment, config = (pathlib.Path(folder, name) for name in ("env", "config"))
    environment.write_text('DB_HOST="127.0.0.1"\nDB_PORT="9"\nDB_PASSWORD="s\\$cret"\n')
    said = {"environment": str(environment), "table": "t", "site": "s", "keep_minutes": 99}
    config.write_text(json.dumps(said))
    claim = [sys.argv[1], "--minute=2026-11-27T14:05Z", f"--config={config}"]
    done = subprocess.run(claim, capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stderr]))
"""

# A command that ends at once and leaves a child that ends later, in a session of its own.
ORPHAN = "setsid sh -c 'sleep 1; echo later' & exit 3"


def test_every_minute_is_tried_now_and_after_a_reboot(host: Host) -> None:
    """Break: systemctl disable --now laravel-scheduler.timer."""
    timer = host.service("laravel-scheduler.timer")
    assert timer.is_running
    assert timer.is_enabled


def test_a_minute_is_tried_at_its_second_0(unit: Callable[[str], dict[str, str]]) -> None:
    """Break: systemctl edit laravel-scheduler.timer, [Timer] AccuracySec=1min."""
    said = unit("laravel-scheduler.timer")
    assert "OnCalendar=*-*-* *:*:00" in said["TimersCalendar"]
    assert said["AccuracyUSec"] == "100ms"
    assert said["RandomizedDelayUSec"] == "0"


def test_a_host_that_drains_claims_nothing(host: Host) -> None:
    """Break: take the line out of /etc/systemd/system/laravel-scheduler.service."""
    lines = host.check_output(f"systemctl cat {CLAIMS}").splitlines()
    assert "ConditionPathExists=!/run/bakehouse/drain" in lines


def test_a_minute_is_claimed_while_both_clocks_show_it(host: Host) -> None:
    """Break: swap $host and $database in /usr/local/lib/bakehouse/laravel_scheduler/decide.php."""
    cases = json.dumps([[here, there, 30, MINUTE] for _, here, there, _ in CASES])
    done = json.loads(host.check_output("php -r %s %s", DECIDE, cases))
    for (why, _, _, wanted), found in zip(CASES, done, strict=True):
        assert found == wanted, why


def test_a_database_that_is_away_is_a_missed_minute_and_says_so(host: Host) -> None:
    """Break: sed -i 's/AWAY = 75/AWAY = 0/' decide.php, in /usr/local/lib/bakehouse."""
    status, said = json.loads(host.check_output("python3 -c %s %s", AWAY, PROGRAM))
    assert status == 75
    assert said.startswith("The database does not answer: SQLSTATE[HY000] [2002]")
    assert "cret" not in said


def test_a_host_without_a_configuration_says_what_is_missing(host: Host) -> None:
    """Break: the same with NOT_CONFIGURED."""
    said = host.run(f"{PROGRAM} --config=/nowhere.json")
    assert said.rc == 78
    assert said.stderr == "/nowhere.json cannot be read.\n"


def test_what_a_task_leaves_in_the_background_is_waited_for(host: Host) -> None:
    """Break: take adopt_orphans() out of /usr/local/lib/bakehouse/laravel-schedule."""
    done = host.run("%s sh -c %s", WAITS, ORPHAN)
    assert done.stdout == "later\n"
    assert done.rc == 3


def test_a_task_of_an_hour_does_not_keep_the_next_minute_from_being_claimed(host: Host) -> None:
    """Break: systemctl edit laravel-scheduler, [Service] ExecStartPost= (empty)."""
    claiming = host.check_output(f"systemctl show --property=Type,ExecStartPost {CLAIMS}")
    assert "Type=oneshot" in claiming
    assert "systemctl start --no-block" in claiming


REFUSED = [
    "touch /etc/x",
    "touch /srv/app/current/x",
    "ls /root",
    "ls /proc/1",
    "unshare --user true",
    "chmod u+s /tmp/x",
    "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
    "python3 -c 'import socket; socket.create_connection((\"169.254.169.254\", 80), 3)'",
]
ALLOWED = [
    "touch /srv/app/shared/storage/.try && rm /srv/app/shared/storage/.try",
    "touch /tmp/x",
    f"test \"$({WAITS} sh -c 'echo ran')\" = ran",
]


@pytest.fixture(scope="module", params=[CLAIMS, RUNS], ids=["claims", "runs"])
def confined(request: pytest.FixtureRequest, sandbox: Callable[[str], Sandbox]) -> Sandbox:
    """Each of the two units that run for the application."""
    return sandbox(request.param)


@pytest.fixture(scope="module")
def tried(confined: Sandbox) -> dict[str, bool]:
    """What commands came to that a unit's twin tried."""
    own = "test $(readlink /proc/self/ns/mnt) != {0} && test $(readlink /proc/self/ns/user) != {1}"
    outside = confined.host.check_output("readlink /proc/1/ns/mnt /proc/1/ns/user").split()
    kernel = [
        own.format(*outside),
        "grep -qx 'CapBnd:\\s*0*' /proc/self/status",
        "grep -qx 'NoNewPrivs:\\s*1' /proc/self/status",
        "grep -qx 'Seccomp:\\s*2' /proc/self/status",
    ]
    said = confined.tries_each([*ALLOWED, *REFUSED, *kernel])
    return said | {"kernel": all(said[command] for command in kernel)}


def test_the_kernel_keeps_it_shut_in(tried: dict[str, bool]) -> None:
    """Break: rm /etc/systemd/system/laravel-schedule@.service.d/sandbox.conf."""
    assert tried["kernel"], tried


@pytest.mark.parametrize("command", REFUSED)
def test_what_no_task_needs_is_refused(tried: dict[str, bool], command: str) -> None:
    """Break: rm /etc/systemd/system/laravel-schedule@.service.d/sandbox.conf."""
    assert not tried[command]


@pytest.mark.parametrize("command", ALLOWED)
def test_what_tasks_do_is_allowed(tried: dict[str, bool], command: str) -> None:
    """Break: take ReadWritePaths out of the sandbox."""
    assert tried[command]


def test_its_exposure_is_low(confined: Sandbox) -> None:
    """Break: take CapabilityBoundingSet out of the sandbox; daemon-reload."""
    assert confined.exposure <= 1.1
