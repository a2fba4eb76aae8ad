"""The environment: found out at boot, kept in memory, read by the application and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

ENVIRONMENT = "/run/laravel/env"
PROGRAM = "/usr/local/lib/bakehouse/runtime-env"
PHP_FPM = "php-fpm@app"

# What no one would choose as a password, and what a generator will.
NASTY = ["a$b", "${HOME}", 'say "hi"', "it's", "back\\slash", "a#b # c", " edges ", "=ü", "${V0}"]

# On the host: write the values as at boot, read them back with the application's own Dotenv.
READ_BACK = """
import json, subprocess, sys
sys.path.insert(0, "/usr/local/lib/bakehouse")
sys.dont_write_bytecode = True
from runtime_env.environment import render
values = {f"V{i}": value for i, value in enumerate(json.loads(sys.argv[1]))}
php = '''require "Dotenv/autoload.php";
echo json_encode(Dotenv\\\\Dotenv::parse(stream_get_contents(STDIN)));'''
said = subprocess.run(["php", "-r", php], input=render(values), capture_output=True, text=True)
assert json.loads(said.stdout) == values, said.stdout + said.stderr
"""


@pytest.fixture
def wired(host: Host) -> None:
    """A host that has an environment; one that is being made has none."""
    if not host.file(ENVIRONMENT).exists:
        pytest.skip("this host has no environment")


def test_the_host_asks_for_its_environment_at_every_boot(host: Host) -> None:
    """Break: systemctl disable runtime-env."""
    assert host.service("runtime-env").is_enabled


def test_the_image_holds_patterns_of_names_and_no_name(host: Host) -> None:
    """Break: sed -i 's/{Environment}/staging/' /etc/bakehouse/runtime-env.json."""
    settings = json.loads(host.file("/etc/bakehouse/runtime-env.json").content_string)
    for name in ("secret", "database", "cache"):
        assert not settings[name] or "{Environment}" in settings[name]


def test_php_fpm_waits_for_the_environment_and_does_not_start_without(host: Host) -> None:
    """Break: rm /etc/systemd/system/php-fpm@app.service.d/runtime-env.conf, and daemon-reload."""
    shown = host.check_output("systemctl show -p Wants -p After %s", PHP_FPM)
    properties = dict(line.split("=", 1) for line in shown.splitlines())
    assert "runtime-env.service" in properties["Wants"].split()
    assert "runtime-env.service" in properties["After"].split()
    unit = host.check_output("systemctl cat %s", PHP_FPM)
    assert f"AssertPathExists=|{ENVIRONMENT}" in unit.splitlines()


def test_asking_again_does_not_stop_php_fpm(host: Host) -> None:
    """Break: sed -i s/Wants/Requires/ the drop-in of the test above, and daemon-reload."""
    shown = host.check_output("systemctl show -p Requires -p BindsTo -p PartOf %s", PHP_FPM)
    assert "runtime-env.service" not in shown


@pytest.mark.usefixtures("wired")
def test_the_environment_is_in_memory(host: Host) -> None:
    """Break: mount --bind /srv /run/laravel."""
    assert (
        host.check_output("findmnt --noheadings --output FSTYPE --target %s", ENVIRONMENT)
        == "tmpfs"
    )


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize("path", [ENVIRONMENT, "/srv/app/current/bootstrap/cache/config.php"])
def test_the_application_reads_it_and_nobody_else_does(host: Host, path: str) -> None:
    """Break: chmod 644 /run/laravel/env; chmod 755 /run/laravel."""
    application = "setpriv --reuid=app --regid=app --init-groups"
    nobody = "setpriv --reuid=www-data --regid=www-data --init-groups"
    assert host.run(f"{application} test -r {path}").rc == 0
    assert host.run(f"{application} test -w {path}").rc != 0
    assert host.run(f"{nobody} cat {path}").rc != 0


@pytest.mark.usefixtures("wired")
def test_no_process_carries_a_password_in_its_environment(host: Host) -> None:
    """Break: DB_PASSWORD=x sleep 60 &."""
    # Brackets, so that it does not find itself: sudo writes its command into the environment.
    assert host.run("grep --text --quiet 'DB_PASSWORD[=]' /proc/[0-9]*/environ").rc != 0


def test_a_fault_is_told_in_one_sentence_with_a_status_of_its_own(host: Host) -> None:
    """Break: sed -i 's/status = 19/status = 1/' /usr/local/lib/bakehouse/runtime_env/faults.py."""
    said = host.run("%s --check --config /nowhere.json", PROGRAM)
    assert said.rc == 19
    assert said.stderr.startswith("No environment: /nowhere.json cannot be read")
    assert len(said.stderr.splitlines()) == 1


def test_why_there_is_no_environment_is_told_on_the_console_too(host: Host) -> None:
    """Break: take StandardError out of runtime-env.service; systemctl daemon-reload."""
    told = "systemctl show --value --property=StandardError runtime-env"
    assert host.check_output(told) == "journal+console"


def test_any_password_reaches_the_application_as_it_is(host: Host) -> None:
    """Break: take "$" out of ESCAPES in /usr/local/lib/bakehouse/runtime_env/environment.py."""
    if not host.file("/usr/share/php/Dotenv/autoload.php").exists:
        pytest.skip("Debian's Dotenv is not on this host")
    assert host.run("python3 -c %s %s", READ_BACK, json.dumps(NASTY)).rc == 0
