"""Queue workers: of the release that serves, ending their jobs before they end, shut in."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host

WORKER = "laravel-worker@1.service"
REFRESH = "/usr/local/lib/bakehouse/refresh-workers"

# Processors that a host may use: those it has, or fewer if its control group says so.
PROCESSORS = """
import math, os, pathlib
cgroup = pathlib.Path("/sys/fs/cgroup")
def words(*names):
    files = [cgroup / name for name in names if (cgroup / name).exists()]
    return [word for file in files for word in file.read_text().split()]
said = words("cpu.max") or words("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
have = len(os.sched_getaffinity(0))
limited = len(said) == 2 and said[0] not in ("max", "-1")
print(min(have, math.ceil(int(said[0]) / int(said[1]))) if limited else have)
"""

# As root in the release: what the application's own configuration says of its queues.
RETRY_AFTER = """
require 'vendor/autoload.php';
$app = require 'bootstrap/app.php';
$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap();
echo json_encode(array_column(config('queue.connections'), 'retry_after'));
"""


@pytest.fixture
def running(host: Host) -> None:
    """A host whose workers run; in an image they wait for an environment."""
    if not host.file("/run/laravel/env").exists:
        pytest.skip("this host has no environment, so its workers wait")


def option(host: Host, name: str) -> int:
    """What the first worker was told: `option(host, "timeout")`."""
    words = host.check_output("systemctl show --property=ExecStart %s", WORKER).split()
    return int(next(w.partition("=")[2] for w in words if w.startswith(f"--{name}=")))


def wanted(host: Host) -> list[str]:
    """The workers that are to run. Their folder is away for a moment in each reload of systemd."""
    said = host.check_output("systemctl show --property=Wants --value laravel-workers.target")
    return str(said).split()


def test_there_are_as_many_as_were_asked_for_at_every_boot(host: Host) -> None:
    """Break: systemctl disable laravel-workers.target; or: rm the generator, and daemon-reload."""
    assert host.run("systemctl is-enabled laravel-workers.target").rc == 0
    count = host.check_output(
        "sed -n 's/^count=\\([0-9]*\\).*/\\1/p' /etc/systemd/system-generators/laravel-workers"
    )
    expected = int(count) or int(host.check_output("python3 -c %s", PROCESSORS))
    assert sorted(wanted(host)) == sorted(
        f"laravel-worker@{number}.service" for number in range(1, expected + 1)
    )


@pytest.mark.usefixtures("running")
def test_all_of_them_run(host: Host) -> None:
    """Break: systemctl stop laravel-worker@2."""
    for unit in wanted(host):
        assert host.service(unit).is_running, unit


@pytest.mark.usefixtures("running")
def test_each_runs_the_release_that_serves_as_the_applications_user(
    host: Host, sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: ln -sfn releases/other /srv/app/current."""
    release = host.check_output("readlink -e /srv/app/current")
    for unit in wanted(host):
        worker = sandbox(unit).processes[0]
        assert worker.uid == host.user("app").uid
        command = host.check_output(f"tr '\\0' ' ' </proc/{worker.pid}/cmdline")
        assert command.startswith(f"php {release}/artisan queue:work "), command


@pytest.mark.usefixtures("running")
def test_each_keeps_its_release_and_its_environment_open(
    host: Host, sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: take the 9<... out of /usr/local/lib/bakehouse/laravel-worker; restart a worker."""
    pid = sandbox(WORKER).processes[0].pid
    held = host.check_output(f"readlink /proc/{pid}/fd/8 /proc/{pid}/fd/9").splitlines()
    release = host.check_output("readlink -e /srv/app/current")
    assert held == ["/run/laravel/env", f"{release}/artisan"]


@pytest.mark.usefixtures("running")
def test_nobody_runs_an_old_release_or_with_an_old_password(host: Host) -> None:
    """Break: cp -p /run/laravel/env /run/laravel/new; mv /run/laravel/new /run/laravel/env."""
    asked = host.run(f"{REFRESH} --check")
    assert asked.rc == 0, asked.stdout


def test_a_stop_waits_for_the_longest_job(
    host: Host, unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: systemctl edit laravel-worker@1, [Service] TimeoutStopSec=10."""
    said = unit(WORKER)
    assert said["KillSignal"] == "15"
    assert said["KillMode"] == "mixed"
    waits = host.check_output(f"systemctl show --value --property=TimeoutStopUSec {WORKER}")
    seconds = sum(
        int(part.removesuffix("min")) * 60 if part.endswith("min") else int(part.removesuffix("s"))
        for part in waits.split()
    )
    assert seconds > option(host, "timeout")


def test_a_job_ends_before_the_queue_gives_it_to_another_worker(host: Host) -> None:
    """Break: sed -i "s/=> 90/=> 50/" /srv/app/current/config/queue.php."""
    if not host.file("/srv/app/current").exists:
        pytest.skip("no release on this host yet")
    as_application = "cd /srv/app/current && setpriv --reuid=app --regid=app --init-groups"
    asked = f"{as_application} php -r {shlex.quote(RETRY_AFTER)}"
    found = [int(seconds) for seconds in host.check_output(asked).strip("[]").split(",") if seconds]
    assert found
    assert option(host, "timeout") < min(found)


def test_one_that_dies_comes_back_and_is_never_given_up(
    unit: Callable[[str], dict[str, str]],
) -> None:
    """Break: systemctl edit laravel-worker@1, [Service] Restart=no."""
    said = unit(WORKER)
    assert said["Restart"] == "always"
    assert said["StartLimitIntervalUSec"] == "0"


def test_pages_come_before_jobs(unit: Callable[[str], dict[str, str]]) -> None:
    """Break: systemctl edit laravel-worker@1, [Service] OOMScoreAdjust=0."""
    said = unit(WORKER)
    assert int(said["Nice"]) > 0
    assert int(said["OOMScoreAdjust"]) > 0


def test_it_waits_for_an_environment_and_a_release(host: Host) -> None:
    """Break: take ConditionPathExists out of /etc/systemd/system/laravel-worker@.service."""
    text = host.check_output("systemctl cat %s", WORKER).splitlines()
    assert "ConditionPathExists=/run/laravel/env" in text
    assert "ConditionPathExists=/srv/app/current/artisan" in text
    shown = host.check_output(f"systemctl show --property=Wants,After,Requires {WORKER}")
    said = dict(line.split("=", 1) for line in shown.splitlines())
    assert "runtime-env.service" in said["Wants"].split()
    assert "runtime-env.service" in said["After"].split()
    assert "runtime-env.service" not in said["Requires"].split()


@pytest.mark.usefixtures("running")
def test_the_kernel_keeps_it_shut_in(sandbox: Callable[[str], Sandbox]) -> None:
    """Break: rm /etc/systemd/system/laravel-worker@.service.d/sandbox.conf; restart a worker."""
    for process in sandbox(WORKER).processes:
        assert {"mnt", "user", "ipc", "uts"} <= set(process.own), process
        assert process.may == process.may_ever == 0
        assert process.no_new_privileges
        assert process.filtered


REFUSED = [
    "touch /etc/x",
    "touch /srv/app/current/x",
    "touch /srv/app/x",
    "ls /root",
    "ls /proc/1",
    "unshare --user true",
    "mount --bind /tmp /mnt",
    "dmesg",
    "chmod u+s /tmp/x",
    "renice -n -5 $$",
    "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
    "python3 -c 'import socket; socket.create_connection((\"169.254.169.254\", 80), 3)'",
]
ALLOWED = [
    "touch /srv/app/shared/storage/logs/.try && rm /srv/app/shared/storage/logs/.try",
    "touch /tmp/x",
    'php -r \'preg_match("/a+b/", "aab") || exit(1);\' 2>&1 | grep -c Warning | grep -qx 0',
    "php -r 'exit(proc_close(proc_open([\"true\"], [], $pipes)));'",
    "getent hosts localhost",
    "php -m | grep -qx pcntl",
]


@pytest.fixture(scope="module")
def tried(sandbox: Callable[[str], Sandbox]) -> dict[str, bool]:
    """What commands came to that a worker's twin tried."""
    return sandbox(WORKER).tries_each([*ALLOWED, *REFUSED])


@pytest.mark.parametrize("command", REFUSED)
def test_what_no_job_needs_is_refused(tried: dict[str, bool], command: str) -> None:
    """Break: rm /etc/systemd/system/laravel-worker@.service.d/sandbox.conf."""
    assert not tried[command]


@pytest.mark.parametrize("command", ALLOWED)
def test_what_jobs_do_is_allowed(tried: dict[str, bool], command: str) -> None:
    """Break: take ReadWritePaths out of the sandbox; add MemoryDenyWriteExecute=yes; PrivateTmp."""
    assert tried[command]


def test_its_exposure_is_low(sandbox: Callable[[str], Sandbox]) -> None:
    """Break: take CapabilityBoundingSet out of the sandbox; daemon-reload."""
    assert sandbox(WORKER).exposure <= 1.1
