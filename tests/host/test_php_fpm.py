"""What a host with the role `php_fpm` can do, whoever built it."""

from __future__ import annotations

import json
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse.roles.sizing import Demand, Site, workers_for_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Fpm
    from sandbox import Sandbox
    from testinfra.host import Host

# Files of control groups, v2 and v1, that limit memory.
MEMORY_LIMITS = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"


# Run with the rights of a page: what an intruder would do next, and how it ended.
INTRUDE = """
import json, os, socket
def udp(address):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (address, 9))
deeds = {
    "write code": lambda: open("/srv/app/current/public/x.php", "w"),
    "write beside the code": lambda: open("/srv/app/x.php", "w"),
    "write settings": lambda: open("/etc/php-fpm/app/x", "w"),
    "write programs": lambda: open("/usr/local/bin/x", "w"),
    "write where it may": lambda: open("/srv/app/shared/storage/.tried", "w").close(),
    "clean up": lambda: os.unlink("/srv/app/shared/storage/.tried"),
    "read root's home": lambda: os.listdir("/root"),
    "look at others": lambda: os.stat("/proc/1"),
    "make a namespace": lambda: os.unshare(os.CLONE_NEWUSER),
    "become root": lambda: os.setuid(0),
    "speak to the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "ask the metadata service": lambda: udp("169.254.169.254"),
    "ask the VPC's resolver": lambda: udp("169.254.169.253"),
}
def tried(deed):
    try:
        deed()
    except (OSError, AttributeError) as error:
        return type(error).__name__
    return "done"
print(json.dumps({name: tried(deed) for name, deed in deeds.items()}))
"""
NEEDED = {"write where it may", "clean up", "ask the VPC's resolver"}


def site_of(told: str) -> Site:
    """A site as the sizing unit names it: app,weight=1,count=0."""
    name, weight, count = told.split(",")
    return Site(name, int(weight.removeprefix("weight=")), int(count.removeprefix("count=")))


def seconds(value: str) -> int:
    return int(value.removesuffix("s"))


def test_php_fpm_runs_now_and_after_a_reboot(host: Host, fpm: Fpm) -> None:
    """Break: systemctl disable php-fpm@app."""
    assert host.service(fpm.service).is_running
    assert host.service(fpm.service).is_enabled


def test_php_fpm_s_configuration_is_sound_for_the_next_start(host: Host, fpm: Fpm) -> None:
    """Break: echo 'pm.nonsense = 1' >>/run/php-fpm-workers/app.conf."""
    assert fpm.settings["pm.max_children"]


def test_debian_s_own_service_for_all_sites_stays_off(host: Host, fpm: Fpm) -> None:
    """Break: systemctl unmask --now 'php*-fpm.service'."""
    asked = host.run(f"systemctl is-enabled php{fpm.version}-fpm")
    assert asked.stdout.strip() == "masked"
    assert not host.service(f"php{fpm.version}-fpm").is_running


def test_every_process_is_a_site_s_user_and_none_is_root(
    host: Host, fpm: Fpm, unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: systemctl unmask --now 'php*-fpm.service'."""
    # One look at all of them: a worker may end between two.
    users = host.check_output("ps -C php-fpm%s -o user=", fpm.version).split()
    assert set(users) <= set(host.file("/etc/php-fpm").listdir())
    main = unit(fpm.service)["MainPID"]
    assert host.check_output("ps -p %s -o user=", main) == fpm.site


def test_the_application_s_user_cannot_log_in(host: Host) -> None:
    """Break: usermod --shell /bin/bash app."""
    assert host.user("app").shell == "/usr/sbin/nologin"


@pytest.mark.parametrize(("user", "allowed"), [("www-data", True), ("nobody", False)])
def test_only_the_web_server_may_connect_to_the_pool(
    host: Host, fpm: Fpm, user: str, allowed: bool
) -> None:
    """Break: chmod 0755 /run/php-fpm/app; chmod 0666 /run/php-fpm/app/fpm.sock
    chgrp app /run/php-fpm/app.
    """
    connect = f"import socket; socket.socket(socket.AF_UNIX).connect('{fpm.socket}')"
    tried = host.run(f"su -s /bin/sh {user} -c {shlex.quote(f'python3 -c {shlex.quote(connect)}')}")
    assert (tried.rc == 0) is allowed, tried.stderr


def test_the_pool_has_as_many_workers_as_this_host_s_memory_has_room_for(
    host: Host, fpm: Fpm
) -> None:
    """Break: sed -i 's/= .*/= 3/' /run/php-fpm-workers/app.conf
    systemctl restart php-fpm@app.
    """
    total = host.check_output("awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo")
    limits = host.run(f"cat {MEMORY_LIMITS} 2>/dev/null").stdout.split()
    memory = min([int(total), *(int(limit) // 2**20 for limit in limits if limit.isdigit())])

    told = host.check_output("systemctl cat php-fpm-workers.service").replace("\\\n", " ").split()
    option = dict(pairwise(told))
    demand = Demand(
        reserve_mib=int(option["--reserve-mib"]),
        opcache_mib=int(option["--opcache-mib"]),
        request_mib=int(option["--request-mib"]),
        workers_per_processor=int(option["--workers-per-processor"]),
    )
    sites = [site_of(value) for name, value in pairwise(told) if name == "--site"]
    processors = int(host.check_output("nproc"))
    counted = workers_for_each(memory, processors, demand, sites)
    assert int(fpm.settings["pm.max_children"]) == counted[fpm.site]


def test_every_worker_that_the_pool_promises_is_alive(fpm: Fpm, fpm_status: dict[str, Any]) -> None:
    """Break: sed -i 's/= .*/= 3/' /run/php-fpm-workers/app.conf."""
    assert fpm_status["total processes"] == int(fpm.settings["pm.max_children"])


def test_the_pool_is_counted_again_before_php_fpm_starts(
    fpm: Fpm, unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: sed -i '/workers/d' /etc/systemd/system/php-fpm@.service; systemctl daemon-reload."""
    assert "php-fpm-workers.service" in unit(fpm.service)["Wants"].split()
    assert "php-fpm-workers.service" not in unit(fpm.service)["Requires"].split(), "restarts it"
    assert "php-fpm-workers.service" in unit(fpm.service)["After"].split()


def test_a_burst_waits_for_a_worker_and_is_not_refused(host: Host, fpm: Fpm) -> None:
    """Break: sed -i 's/^listen.backlog = .*/listen.backlog = 100/' /etc/php-fpm/app/fpm.conf
    systemctl restart php-fpm@app.
    """
    queue = host.check_output("ss --no-header --listening --unix src %s", fpm.socket)
    assert int(queue.split()[3]) >= 4096


def test_a_request_that_never_ends_gives_its_worker_back(fpm: Fpm) -> None:
    """Break: sed -i '/terminate_timeout/d' /etc/php-fpm/app/fpm.conf."""
    processor_time = int(fpm.php["max_execution_time"])
    wall_time = seconds(fpm.settings["request_terminate_timeout"])
    assert 0 < processor_time < wall_time < 60


def test_a_stop_lets_requests_in_flight_end(
    fpm: Fpm, unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: sed -i '/KillSignal/d' /etc/systemd/system/php-fpm@.service
    systemctl daemon-reload.
    """
    longest = seconds(fpm.settings["request_terminate_timeout"])
    patience = seconds(fpm.settings["process_control_timeout"])
    systemd = unit(fpm.service)
    assert systemd["KillSignal"] == "3", "SIGQUIT"
    assert systemd["KillMode"] == "mixed"
    assert longest <= patience < microseconds(systemd["TimeoutStopUSec"]) / 1_000_000


def test_a_reload_by_anybody_checks_the_configuration_first(host: Host, fpm: Fpm) -> None:
    """Break: sed -i '/--test/d' /etc/systemd/system/php-fpm@app.service.d/site.conf
    systemctl daemon-reload.
    """
    first, then, *_ = host.check_output("systemctl show -p ExecReload %s", fpm.service).splitlines()
    assert " --test " in first, "else a broken one ends the service that runs"
    assert " -USR2 " in then


def test_php_fpm_comes_back_when_it_dies(fpm: Fpm, unit: Callable[[str], dict[str, str]]) -> None:
    """Break: sed -i '/^Restart=/d' /etc/systemd/system/php-fpm@.service
    systemctl daemon-reload.
    """
    assert unit(fpm.service)["Restart"] == "always"


def test_nothing_of_the_service_s_environment_reaches_the_application(fpm: Fpm) -> None:
    """Break: sed -i 's/^clear_env = yes/clear_env = no/' /etc/php-fpm/app/fpm.conf."""
    assert fpm.settings["clear_env"] == "yes"


def test_each_release_finds_its_own_configuration_cache(fpm: Fpm) -> None:
    """Break: echo 'env[APP_CONFIG_CACHE] = "/run/x"' >> /etc/php-fpm/app/fpm.conf."""
    assert "env[APP_CONFIG_CACHE]" not in fpm.settings


def test_every_process_is_locked_in_as_the_kernel_sees_it(
    fpm: Fpm, sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: rm /etc/systemd/system/php-fpm@.service.d/sandbox.conf
    systemctl daemon-reload; systemctl restart php-fpm@app.
    """
    processes = sandbox(fpm.service).processes
    assert len(processes) > 1
    for process in processes:
        assert {"mnt", "user"} <= set(process.own)
        assert process.may == process.may_ever == 0
        assert process.no_new_privileges
        assert process.filtered


def test_a_page_that_is_taken_over_writes_where_the_site_writes_and_gets_no_further(
    fpm: Fpm, sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: echo '[Service]' >/etc/systemd/system/php-fpm@.service.d/zz.conf
    echo 'IPAddressAllow=any' >>/etc/systemd/system/php-fpm@.service.d/zz.conf
    or 'ProtectSystem=no', 'RestrictAddressFamilies=', 'ProtectProc=default', 'IPAddressDeny=any'.
    """
    attempt = sandbox(fpm.service).tries(f"python3 -c {shlex.quote(INTRUDE)}")
    done = {deed for deed, end in json.loads(attempt.text).items() if end == "done"}
    assert done == NEEDED


def test_what_is_left_open_is_what_serving_needs(
    fpm: Fpm, sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: rm /etc/systemd/system/php-fpm@.service.d/sandbox.conf; systemctl daemon-reload."""
    assert sandbox(fpm.service).exposure <= 1.2


def test_pages_are_compiled_before_visitors_ask(host: Host, fpm: Fpm) -> None:
    """Break: sed -i /warm/d /etc/systemd/system/php-fpm@app.service.d/site.conf
    systemctl daemon-reload.
    """
    for when in ("ExecStartPost", "ExecReload"):
        said = host.check_output("systemctl show --property=%s %s", when, fpm.service)
        assert f"php-fpm-warm {fpm.site} /" in said, when


@pytest.mark.parametrize(
    ("why", "setting", "value"),
    [
        ("code is compiled once", "opcache.enable", "On"),
        ("and read once: releases never change in place", "opcache.validate_timestamps", "Off"),
        ("classes are there at its start", "opcache.preload", "/etc/php-fpm/app/preload.php"),
        ("a file is complete when it appears", "opcache.file_update_protection", "0"),
        ("no gain for Laravel, and it forbids a sandbox", "opcache.jit", "disable"),
        ("open_basedir would switch the realpath cache off", "open_basedir", "no value"),
        ("a visitor learns nothing about PHP", "expose_php", "Off"),
        ("nor sees our errors", "display_errors", "Off"),
        ("they go to the journal", "error_log", "syslog"),
        ("code is never fetched from an address", "allow_url_include", "Off"),
        ("a trace shows no passwords", "zend.exception_ignore_args", "On"),
        ("only nginx names scripts", "cgi.fix_pathinfo", "Off"),
        ("a session id is ours", "session.use_strict_mode", "On"),
        ("and no script of the page reads it", "session.cookie_httponly", "On"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_php_is_set_up_for_a_host_that_serves_releases(
    fpm: Fpm, why: str, setting: str, value: str
) -> None:
    """Break: sed -i -e 's/enable = 1/enable = 0/' -e 's/timestamps = 0/timestamps = 1/' \\
    -e /preload/d \\
    -e 's/protection = 0/protection = 2/' -e 's/jit = disable/jit = tracing/' \\
    -e 's/_php = Off/_php = On/' -e 's/errors = Off/errors = On/' -e 's/log = syslog/log = x/' \\
    -e '$ a open_basedir = /srv' -e '/allow_url_include/d' -e 's/_args = On/_args = Off/' \\
    -e 's/pathinfo = 0/pathinfo = 1/' -e 's/strict_mode = 1/strict_mode = 0/' \\
    -e 's/httponly = 1/httponly = 0/' /etc/php-fpm/app/conf.d/99-bakehouse.ini.
    """
    assert fpm.php[setting] == value, why


def test_pages_start_no_programs_but_commands_may(host: Host, fpm: Fpm) -> None:
    """Break: sed -i /^disable/d /etc/php-fpm/app/conf.d/99-bakehouse.ini
    echo disable_functions=proc_open >>/etc/php/*/cli/conf.d/99-bakehouse.ini.
    """
    assert {"exec", "proc_open", "popen", "system"} <= set(fpm.php["disable_functions"].split(","))
    asked = "echo function_exists('proc_open') ? 'may' : 'may not';"
    assert host.check_output("php%s -r %s", fpm.version, asked) == "may"


def test_opcache_has_room_for_more_than_one_laravel_release(fpm: Fpm) -> None:
    """Break: rm /etc/php-fpm/app/conf.d/99-bakehouse.ini."""
    assert int(fpm.php["opcache.memory_consumption"]) >= 192
    assert int(fpm.php["opcache.interned_strings_buffer"]) >= 32
    assert int(fpm.php["opcache.max_accelerated_files"]) >= 20000


def test_the_largest_upload_fits_into_a_request(fpm: Fpm) -> None:
    """Break: echo post_max_size=8M >>/etc/php-fpm/app/conf.d/99-bakehouse.ini."""
    assert mib(fpm.php["upload_max_filesize"]) < mib(fpm.php["post_max_size"])


def test_commands_may_use_more_memory_than_pages_but_not_all(host: Host, fpm: Fpm) -> None:
    """Break: rm /etc/php/*/cli/conf.d/99-bakehouse.ini."""
    said = host.check_output(f"php{fpm.version} -r 'echo ini_get(\"memory_limit\");'")
    assert mib(fpm.php["memory_limit"]) < mib(said)


def test_the_slow_log_is_rotated(host: Host) -> None:
    """Break: sed -i 's/^}//' /etc/logrotate.d/php-fpm; chmod o+r /var/log/php-fpm/app/slow.log."""
    assert host.file("/var/log/php-fpm/app/slow.log").mode == 0o640
    assert host.file("/var/log/php-fpm/app/slow.log").group == "adm"
    planned = host.run("logrotate --debug /etc/logrotate.d/php-fpm")
    assert planned.rc == 0
    assert "error" not in planned.stderr


@pytest.mark.parametrize(
    "extension", ["bcmath", "curl", "intl", "mbstring", "pdo_mysql", "redis", "xml", "Zend OPcache"]
)
def test_laravel_finds_the_extension_it_asks_for(host: Host, fpm: Fpm, extension: str) -> None:
    """Break: rm /etc/php/*/fpm/conf.d/*
    systemctl restart php-fpm@app.
    """
    assert extension in host.check_output(f"php-fpm{fpm.version} -m").splitlines()


def mib(value: str) -> int:
    return int(value.removesuffix("M"))


def microseconds(value: str) -> int:
    """Of systemd's "1min 10s".

    >>> microseconds("1min 10s")
    70000000
    """
    units = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
    total = 0
    for part in value.split():
        number = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        total += int(number) * units[part[len(number) :]]
    return total
