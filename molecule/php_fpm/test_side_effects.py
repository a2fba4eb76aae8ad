"""What PHP-FPM endures: each test does to a host what a bad day does, and looks what is left of it.

The site `shop` has two workers, and ends a request after 3 seconds; `app` is as the role makes it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

HERE = Path(__file__).parent
CLIENT = (HERE / "fastcgi.py").read_text()
PAGE = (HERE / "page.php").read_text()


def ask(host: Host, site: str, query: str, times: int = 1) -> list[tuple[str | None, float]]:
    """What the page of a site said and after how many seconds, for each of `times` visitors."""
    script = host.check_output("readlink -e /srv/%s/current/public/index.php", site)
    socket = f"/run/php-fpm/{site}/fpm.sock"
    said = host.check_output("python3 -c %s %s %s %s %s", CLIENT, socket, script, query, str(times))
    return [(text, seconds) for text, seconds in json.loads(said)]


def page(host: Host, site: str, query: str) -> str | None:
    """What the page of a site said; None when it was cut off."""
    return ask(host, site, query)[0][0]


def opcache(host: Host, site: str) -> Any:
    """What the site's OPcache says of itself; of scripts, those of releases."""
    seen = json.loads(page(host, site, "do=opcache") or "null")
    scripts = seen["scripts"].items()
    seen["scripts"] = {path: said for path, said in scripts if path.startswith("/srv/")}
    return seen


def status(host: Host, query: str) -> Any:
    """What the PHP-FPM of the site `app` says of its workers."""
    command = "python3 -c %s /run/php-fpm/app/status.sock /status %s"
    return json.loads(json.loads(host.check_output(command, CLIENT, query))[0][0])


def in_background(host: Host, site: str, query: str, times: int = 1) -> str:
    """Start to ask; returns the file that will hold the answers."""
    script = host.check_output("readlink -e /srv/%s/current/public/index.php", site)
    said = host.check_output("mktemp")
    socket = f"/run/php-fpm/{site}/fpm.sock"
    host.check_output(
        "nohup python3 -c %s %s %s %s %s >%s 2>&1 </dev/null &",
        CLIENT,
        socket,
        script,
        query,
        str(times),
        said,
    )
    time.sleep(1)
    return said


def eventually(question: Callable[[], object], seconds: float) -> Any:
    """The first answer that is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not (found := question()):
        assert time.monotonic() < until, f"still not so after {seconds:g} s"
        time.sleep(0.3)
    return found


def answers(host: Host, file: str) -> list[tuple[str | None, float]]:
    """What the visitors in the background were told, once all are done."""
    read: list[tuple[str | None, float]] = json.loads(
        eventually(lambda: host.file(file).content_string.strip(), 60)
    )
    return read


def release(host: Host, site: str, name: str, classes: int = 0) -> None:
    """Put a release in its place, and switch to it as a deploy does."""
    made = f"/srv/{site}/releases/{name}"
    host.check_output(f"mkdir -p {made}/public {made}/app")
    host.check_output(f"printf %s %s >{made}/public/index.php", "%s", PAGE)
    host.check_output(
        f"for i in $(seq {classes}); do"
        f" echo \"<?php class C$i {{ const R = '{name}'; }}\" >{made}/app/$i.php; done"
    )
    host.check_output(f"ln -sfn releases/{name} /srv/{site}/next")
    host.check_output(f"mv -T /srv/{site}/next /srv/{site}/current")


@pytest.fixture(scope="module", autouse=True)
def releases(host: Host) -> Iterator[None]:
    """Both sites serve a page, and are up again whatever a test did."""
    for site in ("app", "shop"):
        release(host, site, "first")
        host.check_output("systemctl restart php-fpm@%s", site)
    yield
    host.check_output("systemctl reset-failed; systemctl start php-fpm@app php-fpm@shop")


def test_a_crowd_of_900_waits_for_two_workers_and_none_is_turned_away(host: Host) -> None:
    """Break: pool: {listen.backlog: 100}."""
    said = ask(host, "shop", "do=wait&seconds=0.005", times=900)
    assert [text for text, _ in said] == ["waited"] * 900


def test_the_status_is_told_within_half_a_second_while_every_worker_is_busy(host: Host) -> None:
    """Break: take pm.status_listen away, and ask fpm.sock."""
    crowd = in_background(host, "shop", "do=wait&seconds=2.5", times=6)
    asked = "python3 -c %s /run/php-fpm/shop/status.sock %s json"
    status = json.loads(host.check_output(asked, CLIENT, "/status"))[0]
    ping = json.loads(host.check_output(asked, CLIENT, "/ping"))[0]
    assert json.loads(status[0])["active processes"] == 2
    assert ping[0] == "pong"
    assert max(status[1], ping[1]) < 0.5
    answers(host, crowd)


@pytest.fixture
def silent_resolver(host: Host) -> Iterator[None]:
    """Whoever asks for a name gets no answer at all."""
    listen = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM)"
    listen += "; s.bind(('127.0.0.9', 53)); time.sleep(60)"
    host.check_output("systemd-run --quiet --collect --unit=silent-resolver python3 -c %s", listen)
    host.check_output("cp /etc/resolv.conf /tmp/kept; echo nameserver 127.0.0.9 >/etc/resolv.conf")
    yield
    host.check_output("cat /tmp/kept >/etc/resolv.conf; systemctl stop silent-resolver")


@pytest.mark.usefixtures("silent_resolver")
def test_a_resolver_that_says_nothing_is_soon_given_up(host: Host) -> None:
    """Break: php_fpm_resolver_options: timeout:5 attempts:2."""
    text, seconds = ask(host, "app", "do=resolve&name=db.example.com")[0]
    assert text == "db.example.com"  # PHP's way to say that nobody knows
    assert 1.5 < seconds < 4


def test_a_request_that_never_ends_is_ended_and_its_worker_is_free(host: Host) -> None:
    """Break: pool: {request_terminate_timeout: 0}."""
    text, seconds = ask(host, "shop", "do=wait&seconds=20", times=2)[-1]
    assert text is None
    assert 2.5 < seconds < 8
    text, seconds = ask(host, "shop", "")[0]
    assert (text, seconds < 2) == ("first", True)


def test_a_slow_request_leaves_its_stack_in_the_slow_log(host: Host) -> None:
    """Break: take `SystemCallFilter=ptrace` out of the sandbox."""
    host.check_output("truncate -s 0 /var/log/php-fpm/shop/slow.log")
    page(host, "shop", "do=wait&seconds=2.5")
    assert "wait() /srv/shop/" in host.file("/var/log/php-fpm/shop/slow.log").content_string


@pytest.mark.parametrize(("verb", "seconds"), [("stop", 12), ("reload", 5)])
def test_a_request_in_flight_survives(host: Host, verb: str, seconds: int) -> None:
    """Break: KillSignal=SIGTERM; process_control_timeout = 0."""
    flight = in_background(host, "app", f"do=wait&seconds={seconds}")
    host.check_output("systemctl %s php-fpm@app", verb)
    assert answers(host, flight)[0][0] == "waited"
    host.check_output("systemctl start php-fpm@app")
    assert page(host, "app", "") == "first"


def test_it_comes_back_when_it_crashes(host: Host) -> None:
    """Break: Restart=no."""
    before = host.check_output("systemctl show -P MainPID php-fpm@app")
    host.check_output("kill -9 %s", before)
    # Without a notice of an empty control group (v1), systemd waits TimeoutStopSec before it acts.
    active = "systemctl is-active php-fpm@app && systemctl show -P MainPID php-fpm@app"
    eventually(lambda: host.run(active).stdout.split()[1:] not in ([], [before], ["0"]), 90)
    assert page(host, "app", "") == "first"


def test_a_broken_configuration_never_reaches_the_service_that_runs(host: Host) -> None:
    """Break: take the first ExecReload away."""
    before = host.check_output("systemctl show -P MainPID php-fpm@shop")
    host.check_output(
        "cp -a /etc/php-fpm/shop/fpm.conf /tmp/kept; echo pm.x = 1 >>/etc/php-fpm/shop/fpm.conf"
    )
    try:
        assert host.run("systemctl reload php-fpm@shop").rc != 0
        assert page(host, "shop", "") == "first"
        assert host.check_output("systemctl show -P MainPID php-fpm@shop") == before
    finally:
        host.check_output("mv /tmp/kept /etc/php-fpm/shop/fpm.conf")


def test_a_site_sees_nothing_of_another(host: Host) -> None:
    """Break: take TemporaryFileSystem=/srv out of the sandbox, clear_env = no."""
    host.check_output("echo theirs >/srv/app/shared/storage/note")
    host.check_output("echo ours >/srv/shop/shared/storage/note")
    app = host.check_output("systemctl show -P MainPID php-fpm@app")
    for path in ("/srv/app/shared/storage/note", f"/proc/{app}/environ", "/etc/shadow"):
        assert page(host, "shop", f"do=read&path={path}") == "false", path
    assert page(host, "shop", "do=read&path=/srv/shop/shared/storage/note") == '"ours\\n"'
    assert '"SHOP_MODE":"demo"' in (page(host, "shop", "do=environment") or "")
    assert "SHOP_MODE" not in (page(host, "app", "do=environment") or "")
    assert "NOTIFY_SOCKET" not in (page(host, "shop", "do=environment") or "")
    assert {script.split("/")[2] for script in opcache(host, "shop")["scripts"]} == {"shop"}


def test_after_twelve_deploys_opcache_holds_the_last_release_and_nothing_else(host: Host) -> None:
    """Break: switch without a reload."""
    for number in range(1, 13):
        release(host, "app", f"r{number}", classes=40)
        host.check_output("systemctl reload php-fpm@app")
        assert page(host, "app", "") == f"r{number}"
    seen = opcache(host, "app")
    assert {script.split("/")[4] for script in seen["scripts"]} == {"r12"}
    assert len(seen["scripts"]) == 41
    assert not seen["cache_full"]
    assert seen["opcache_statistics"]["oom_restarts"] == 0


def test_a_reload_loads_the_classes_that_the_release_which_then_serves_names(host: Host) -> None:
    """Break: php_fpm_preload_path: ""."""
    for name in ("before", "after"):
        release(host, "app", name, classes=3)
        program = f"/srv/app/releases/{name}/bootstrap/cache/preload.php"
        compiled = f"<?php opcache_compile_file('/srv/app/releases/{name}/app/1.php');"
        host.check_output("mkdir -p $(dirname %s); echo %s >%s", program, compiled, program)
        host.check_output("systemctl reload php-fpm@app")
        assert opcache(host, "app")["preload_statistics"]["classes"] == ["C1"]
        assert page(host, "app", "do=value") == name
    release(host, "app", "none")
    host.check_output("systemctl reload php-fpm@app")
    assert "classes" not in opcache(host, "app").get("preload_statistics", {})


def test_a_release_that_cannot_be_loaded_never_reaches_the_service_that_runs(host: Host) -> None:
    """Break: take the first ExecReload away."""
    release(host, "shop", "broken")
    program = "/srv/shop/releases/broken/bootstrap/cache/preload.php"
    host.check_output("mkdir -p $(dirname %s); echo '<?php exit(' >%s", program, program)
    try:
        assert host.run("systemctl reload php-fpm@shop").rc != 0
        assert page(host, "shop", "")
    finally:
        release(host, "shop", "first")
    host.check_output("systemctl reload php-fpm@shop")


def test_the_first_visitor_finds_the_page_compiled(host: Host) -> None:
    """Break: take php-fpm-warm out of ExecStartPost and ExecReload."""
    release(host, "app", "warm", classes=40)
    for verb in ("reload", "restart"):
        host.check_output("systemctl %s php-fpm@app", verb)
        seen = opcache(host, "app")
        assert seen["opcache_statistics"]["misses"] <= len(seen["scripts"])
        assert all(script["hits"] > 0 for script in seen["scripts"].values()), verb


def test_each_worker_has_answered_before_a_visitor_asks(host: Host) -> None:
    """Break: take the line with `seq` out of php-fpm-warm."""
    for verb in ("reload", "restart"):
        host.check_output("systemctl %s php-fpm@app", verb)
        workers = status(host, "json&full")["processes"]
        assert [each["pid"] for each in workers if not each["requests"]] == [], verb


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("well", "echo 1;", ["/: 200 after", "/: 2 workers asked twice, all done after"]),
        ("ill", "http_response_code(500);", ["/: 500 after"]),
        ("dead", "posix_kill(getmypid(), 9);", ["/: no answer after"]),
        ("slow", "usleep(2900000);", ["/: 200 after", "/: not all of 2 workers asked; given up"]),
    ],
)
def test_a_page_that_is_not_well_is_told_and_holds_nothing_up(
    host: Host, name: str, code: str, said: list[str]
) -> None:
    """Break: take `no answer`, `continue` or the exit status of `timeout` out of php-fpm-warm."""
    release(host, "shop", name)
    host.check_output("echo %s >/srv/shop/current/public/index.php", f"<?php {code}")
    try:
        host.check_output("systemctl restart php-fpm@shop")
        shown = "journalctl --unit=php-fpm@shop --output=cat --lines=20"
        lines = host.check_output(
            f"{shown} _SYSTEMD_INVOCATION_ID=$(systemctl show"
            " --property=InvocationID --value php-fpm@shop)"
        ).splitlines()
        warmed = [line for line in lines if line.startswith("/: ")]
    finally:
        release(host, "shop", "first")
    host.check_output("systemctl restart php-fpm@shop")
    assert len(warmed) == len(said)
    assert all(map(str.startswith, warmed, said)), warmed


def test_more_memory_means_more_workers_of_the_same_image(host: Host) -> None:
    """Break: php_fpm_sites: [{name: app, workers_count: 7}]."""
    container = host.check_output("cat /etc/hostname")
    found = subprocess.run(
        ["podman", "ps", "--format={{.Names}}", f"--filter=name=php_fpm-{container}$"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    name = next(name for name in found if address(name) == host.backend.hostname)
    counted = []
    for gib in (2, 4, 1):  # and as it was
        subprocess.run(["podman", "update", f"--memory={gib}g", name], check=True)
        host.check_output("systemctl restart php-fpm-workers php-fpm@app")
        counted.append(status(host, "json")["total processes"])
        both_opcaches_and_shop = 256 + 2 * (192 + 16) + 2 * 36
        assert both_opcaches_and_shop + counted[-1] * 36 <= gib * 1024
    assert counted[2] < counted[0] < counted[1]


def address(container: str) -> str:
    form = "--format={{.NetworkSettings.IPAddress}}"
    asked = ["podman", "inspect", form, container]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
