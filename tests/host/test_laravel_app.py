"""The release that serves: complete, read-only to PHP, and without anything of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

AS_APPLICATION = "setpriv --reuid=app --regid=app --init-groups"
CURRENT = "/srv/app/current"


@pytest.fixture(scope="module")
def release(host: Host) -> str:
    """The real path of the release that serves; a host without one has nothing to test here."""
    if not host.file(CURRENT).exists:
        pytest.skip("no release on this host yet")
    return str(host.check_output("readlink -e %s", CURRENT))


def test_what_serves_is_a_complete_release(host: Host, release: str) -> None:
    """Break: rm /srv/app/current/.release."""
    assert release.startswith("/srv/app/releases/")
    assert len(host.file(f"{release}/.release").content_string.strip()) == 64


def test_it_is_noted_that_it_served_so_that_a_rollback_finds_it(host: Host, release: str) -> None:
    """Break: rm /srv/app/current/.served."""
    assert host.file(f"{release}/.served").exists


def test_a_release_that_somebody_has_open_is_known(host: Host, release: str) -> None:
    """Break: take "cwd" out of HELD in /usr/local/lib/bakehouse/releases-in-use."""
    used = host.check_output(f"cd {release} && /usr/local/lib/bakehouse/releases-in-use")
    assert release.rsplit("/", 1)[1] in used.splitlines()


def test_a_release_can_be_asked_for_its_health_before_it_serves(host: Host, release: str) -> None:
    """Break: put `echo 200; exit` at the top of /usr/local/lib/bakehouse/ask-release."""
    ask, environment = "/usr/local/lib/bakehouse/ask-release", "/run/laravel/env"
    there = host.file(environment).exists
    said = [
        host.check_output("%s %s %s app %s", ask, release, path, told)
        for path, told in (("/health", environment), ("/no-such-page", environment), ("/", "/none"))
    ]
    assert said == (["200", "404", "nobody"] if there else ["nobody"] * 3)


def test_the_classes_of_its_pages_are_loaded_before_anybody_asks(host: Host, release: str) -> None:
    """Break: echo '<?php' >/srv/app/current/bootstrap/cache/preload.php."""
    with_it = f"-d opcache.enable_cli=1 -d opcache.preload={release}/bootstrap/cache/preload.php"
    known = (
        "echo count(opcache_get_status(false)['preload_statistics']['classes'] ?? []), ' ',"
        r"(int) class_exists('Illuminate\Foundation\Application', false);"
    )
    # Nothing but the answer: PHP would warn of each class that it could not load.
    classes, framework = host.check_output(
        f"{AS_APPLICATION} php {with_it} -d display_errors=1 -r %s 2>&1", known
    ).split()
    assert int(classes) > 500
    assert framework == "1"


def test_no_switch_of_the_release_broke_off(host: Host, release: str) -> None:
    """Break: touch /srv/app/current.switching."""
    assert not host.file(f"{CURRENT}.switching").exists


def test_the_link_to_it_is_relative_so_that_it_survives_a_move(host: Host, release: str) -> None:
    """Break: ln -sfn $(readlink -e /srv/app/current) /srv/app/current."""
    assert host.check_output("readlink %s", CURRENT) == f"releases/{release.rsplit('/', 1)[1]}"


def test_no_half_unpacked_release_lies_about(host: Host) -> None:
    """Break: mkdir /srv/app/releases/half."""
    folders = "find /srv/app/releases -mindepth 1 -maxdepth 1 -type d"
    assert host.check_output(folders + " ! -exec test -e {}/.release ';' -print") == ""


def test_php_cannot_change_its_code(host: Host, release: str) -> None:
    """Break: chown app /srv/app/current/bootstrap/cache."""
    # From /, because find goes back to where it started: a home, which may be closed to it.
    writable = f"env --chdir=/ {AS_APPLICATION} find {release} ! -type l -writable -print -quit"
    assert host.check_output(writable) == ""


def test_php_can_write_what_outlives_a_release(host: Host, release: str) -> None:
    """Break: chown root /srv/app/shared/storage/logs."""
    for folder in ("logs", "framework/cache", "framework/sessions", "framework/views"):
        assert host.run(f"{AS_APPLICATION} test -w {release}/storage/{folder}").rc == 0, folder


def test_the_web_server_cannot_read_the_logs(host: Host) -> None:
    """Break: chmod 755 /srv/app/shared/storage/logs."""
    nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups"
    assert host.run(f"{nobody} ls /srv/app/shared/storage/logs").rc != 0


@pytest.mark.parametrize("link", [".env", "bootstrap/cache/config.php"])
def test_the_environment_is_linked_from_memory_and_not_in_the_release(
    host: Host, release: str, link: str
) -> None:
    """Break: cp --remove-destination /dev/null /srv/app/current/.env."""
    # Where it points, and not where it ends: a host without an environment has nothing there.
    assert host.check_output(f"readlink {release}/{link}").startswith("/run/laravel/")


def test_its_packages_are_listed_so_that_the_first_visitor_does_not_wait(
    host: Host, release: str
) -> None:
    """Break: rm /srv/app/current/bootstrap/cache/packages.php."""
    for name in ("packages.php", "services.php"):
        assert host.file(f"{release}/bootstrap/cache/{name}").user == "root"


def test_artisan_answers_as_the_applications_user(host: Host, release: str) -> None:
    """Break: rm /usr/local/bin/artisan."""
    assert "Laravel Framework" in host.check_output("artisan --version")


def test_the_program_that_caches_configurations_finds_nothing_to_do(
    host: Host, release: str
) -> None:
    """Break: touch /run/laravel/env."""
    assert host.run("/usr/local/lib/bakehouse/cache-config --check").rc == 0
