"""How busy a host says that it is, to a person and to the CloudWatch agent."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host

SETTINGS = "/etc/bakehouse/host-metrics.json"

# Three connections wait for a listener that never accepts one.
WAIT = """
import socket, sys, tempfile
sys.path.insert(0, "/usr/local/lib/bakehouse")
from host_metrics.backlog import waiting
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/x.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        callers = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for caller in callers:
            caller.connect(path)
        print(waiting().get(path))
"""


@pytest.fixture(scope="module")
def figures(host: Host) -> dict[str, Any]:
    """What the command says, as a program reads it."""
    found: dict[str, Any] = json.loads(host.check_output("host-metrics --json --seconds 5"))
    return found


@pytest.fixture(scope="module")
def settings(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.file(SETTINGS).content_string)
    return found


def test_the_service_looks_and_says_in_one_line_what_it_saw(
    unit: Callable[[str], dict[str, str]],
) -> None:
    """Break: systemctl stop host-metrics."""
    service = unit("host-metrics.service")
    assert service["ActiveState"] == "active"
    assert service["UnitFileState"] == "enabled"
    assert "workers busy" in service["StatusText"]


def test_it_counts_the_workers_that_there_are(
    host: Host, figures: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Break: systemctl stop php-fpm@app."""
    site = settings["sites"][0]
    counted = figures["host"]["php_fpm_active"] + figures["host"]["php_fpm_idle"]
    assert counted == int(host.check_output(f"pgrep --count --full 'php-fpm: pool {site}$'"))
    assert figures["host"]["php_fpm_away"] == 0


def test_it_knows_how_full_opcache_is(figures: dict[str, Any]) -> None:
    """Break: mv /usr/local/lib/bakehouse/host_metrics/opcache.php /tmp."""
    assert 0 < figures["host"]["opcache_memory_percent"] < 100
    assert figures["troubles"] == []


def test_it_knows_how_many_wait_for_a_worker_though_php_fpm_does_not(
    host: Host, figures: dict[str, Any]
) -> None:
    """Break: sed -i s/=.0x11$/=0x01/ /usr/local/lib/bakehouse/host_metrics/backlog.py."""
    assert "php_fpm_listen_queue" in figures["host"]
    assert host.check_output("python3 -B -c %s", WAIT) == "3"


def test_a_person_reads_a_table(host: Host, settings: dict[str, Any]) -> None:
    """Break: rm /usr/local/sbin/host-metrics."""
    said = host.check_output("host-metrics --seconds 5").splitlines()
    assert said[0].split() == ["figure", *settings["sites"]]
    assert "php_fpm_idle" in [line.split()[0] for line in said]


def test_an_absent_php_fpm_has_a_status_of_its_own(host: Host, settings: dict[str, Any]) -> None:
    """Break: sed -i 's/return AWAY/return 0/' /usr/local/lib/bakehouse/host_metrics/main.py."""
    away = settings | {"status": "/run/nowhere.sock"}
    said = host.run(f"echo {shlex.quote(json.dumps(away))} | host-metrics --settings /dev/stdin")
    assert said.rc == 3
    assert "! app: PHP-FPM is away: /run/nowhere.sock: No such file" in said.stdout


def test_everybody_may_read_the_last_look(host: Host) -> None:
    """Break: systemctl stop host-metrics; mkdir -p -m 0700 /run/host-metrics."""
    last = host.file("/run/host-metrics/last.json")
    assert last.mode == 0o644
    assert "php_fpm_idle" in json.loads(last.content_string)["host"]


def test_who_looks_can_do_nothing_else(sandbox: Callable[[str], Sandbox]) -> None:
    """Break: systemctl edit --runtime host-metrics, and say User=root in it
    systemctl restart host-metrics.
    """
    service = sandbox("host-metrics.service")
    main = service.processes[0]
    assert main.uid != 0
    assert main.may_ever == 0
    assert main.no_new_privileges
    assert main.filtered
    assert "mnt" in main.own
    assert service.tries("touch /usr/sandboxed").refused
    assert service.tries("cat /run/laravel/env").refused
    assert service.exposure <= 1.3
