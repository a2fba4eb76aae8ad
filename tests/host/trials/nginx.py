"""What nginx does when a host leaves, breaks, is lied to or is stopped. CHANGES THE HOST.

No file of this folder is called test_*, so nothing finds it but a scenario's side_effect.yml, which
names it for hosts that are then thrown away. The host has three sites: `app`, `shop` with a
certificate, and `closed`, whose PHP-FPM is not there; their application says what it was told.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testinfra.host import Host

APP, SHOP, CLOSED = "app.example.com", "shop.example.com", "closed.example.com"


# Names one host in its first line, and another in its Host header.
ASK_TWICE = """
import socket, sys
asked = socket.create_connection(("127.0.0.1", 80))
lines = f"GET http://{sys.argv[1]}/ HTTP/1.1", "Host: evil.example.com", "Connection: close", "", ""
asked.sendall("\\r\\n".join(lines).encode())
print(asked.makefile().read())
"""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer; header names are in small letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)

    @property
    def told(self) -> dict[str, Any]:
        """What the application says that it was told."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def ask(host: Host) -> Ask:
    """Ask the host for a path of a site: `ask("/x", APP, "--header", "Cookie: a=b")`."""

    def curl(path: str, name: str = APP, *more: str, scheme: str = "http") -> Said:
        port = 443 if scheme == "https" else 80
        options = ["--resolve", f"{name}:{port}:127.0.0.1", "--insecure", *more]
        command = ["curl", "-s", "-m", "75", "-D", "-", *options, f"{scheme}://{name}{path}"]
        said = host.check_output(" ".join(["%s"] * len(command)), *command)
        head, _, body = said.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.splitlines()
        pairs = [line.split(": ", 1) for line in lines if ": " in line]
        return Said(int(first.split()[1]), {key.lower(): value for key, value in pairs}, body)

    return curl


# The health check


def test_the_health_check_fails_within_a_second_of_a_drain_and_requests_go_on(
    host: Host, ask: Ask
) -> None:
    """Break: sed -i '/drain/,+2d' /etc/nginx/sites/app.health; systemctl reload nginx."""
    assert ask("/health").status == 200
    in_background(host, "slow", 6)
    time.sleep(0.5)
    assert host.run("drain on --limit 1").rc == 3, "a request was in flight"
    assert ask("/health", "10.1.2.3").status == 503
    assert ask("/").status == 200
    assert host.run("drain status").rc == 4
    waited = host.run("drain on --limit 30")
    assert (waited.rc, waited.stdout.splitlines()[-1]) == (0, "no request is in flight")
    assert host.check_output("cat /run/slow").startswith("200 ")
    assert host.run("drain off").rc == 0
    assert ask("/health").status == 200


def test_maintenance_is_healthy_but_a_broken_release_is_not(host: Host, ask: Ask) -> None:
    """Break: sed -i '/framework/,+2d' /etc/nginx/sites/app.health; systemctl reload nginx."""
    # A release of its own: of the one that serves, OPcache has index.php without a file.
    host.check_output("mkdir -p /srv/app/releases/broken/public")
    host.check_output("ln -sfn releases/broken /srv/app/current")
    assert ask("/health").status == 404
    host.check_output("install -D /dev/null /srv/app/shared/storage/framework/down")
    assert (ask("/health").status, ask("/health", "10.1.2.3").body) == (200, "pong")
    host.check_output("rm /srv/app/shared/storage/framework/down")
    host.check_output("ln -sfn releases/one /srv/app/current")
    assert ask("/health").status == 200


def test_each_site_s_health_has_a_path_of_its_own(ask: Ask) -> None:
    """Break: rm /etc/nginx/sites/closed.*; sed -i /closed/d /etc/nginx/sites/*
    systemctl reload nginx.
    """
    assert ask("/health/app", "10.1.2.3").status == 200
    assert ask("/health/closed", "10.1.2.3").status == 502
    assert ask("/health", CLOSED).status == 502
    assert ask("/health/shop", SHOP, scheme="https").told["uri"] == "/up"


# Names


def test_a_name_of_no_site_is_refused(ask: Ask) -> None:
    """Break: rm /etc/nginx/sites/00-refused.conf; systemctl reload nginx."""
    assert ask("/", "evil.example.com").status == 421
    assert ask("/", "10.1.2.3").status == 421
    assert ask("/", "evil.example.com", scheme="https").status == 421


def test_the_application_hears_the_name_that_chose_it_and_no_other(host: Host) -> None:
    """Break: sed -i 's/HTTP_HOST .*/HTTP_HOST $http_host;/' /etc/nginx/sites/app.conf
    systemctl reload nginx.
    """
    said = host.check_output("python3 -c %s %s", ASK_TWICE, APP)
    assert f'"host":"{APP}"' in said
    assert "evil" not in said


def test_a_site_that_is_no_more_has_no_file(host: Host) -> None:
    """Break: touch /etc/nginx/sites/gone.conf, after the role has run."""
    assert not host.file("/etc/nginx/sites/gone.conf").exists


# Who asks, and how


def test_the_load_balancer_is_believed(ask: Ask) -> None:
    """Break: sed -i '/FORWARDED_P\\|HTTPS/d' /etc/nginx/snippets/php.conf
    systemctl reload nginx.
    """
    said = [f"X-Forwarded-{it}" for it in ("For: 203.0.113.9", "Proto: https", "Port: 8443")]
    lies = ["X-Forwarded-Host: evil.example.com", "Forwarded: host=evil.example.com"]
    headers = [word for header in [*said, *lies] for word in ("--header", header)]
    told = ask("/", APP, *headers, "--header", f"Host: {APP}:8443").told
    assert told["for"] == "203.0.113.9"
    assert (told["https"], told["proto"], told["port"]) == ("on", "https", "8443")
    assert told["host"] == f"{APP}:8443"
    assert told["lies"] == [], "the load balancer never writes these"


def test_nobody_else_is_believed(host: Host, ask: Ask) -> None:
    """Break: sed -i 's@192.168.0.0/16@0.0.0.0/0@' /etc/nginx/snippets/visitor.conf
    systemctl reload nginx.
    """
    host.check_output("ip address replace 100.64.0.7/32 dev lo")
    lies = [f"X-Forwarded-{it}" for it in ("For: 6.6.6.6", "Proto: https", "Port: 443")]
    headers = [word for header in lies for word in ("--header", header)]
    told = ask("/", APP, *headers, "--interface", "100.64.0.7").told
    assert (told["for"], told["https"], told["proto"], told["port"]) == ("100.64.0.7", "", "", "")


# Sizes


def test_16_kib_of_headers_fit_both_ways(ask: Ask) -> None:
    """Break: sed -i '/large_client/d' /etc/nginx/nginx.conf; sed -i '/_buffer/d' \\
    /etc/nginx/snippets/php.conf; systemctl reload nginx.
    """
    said = ask("/?header_kib=16", APP, "--header", f"Cookie: big={'x' * 16384}")
    assert said.status == 200
    assert len(said.headers["x-large"]) == 16384


def test_a_large_body_arrives_and_a_larger_one_is_refused_with_all_headers(
    host: Host, ask: Ask
) -> None:
    """Break: sed -i '/^ReadWrite/d' /etc/systemd/system/nginx.service.d/sandbox.conf
    systemctl daemon-reload; systemctl restart nginx.
    """
    host.check_output("truncate --size=25M /tmp/body")
    send = ("--header", "Expect:", "--data-binary", "@/tmp/body")
    assert ask("/", APP, *send).told["body"] == 25 * 1048576
    host.check_output("truncate --size=27M /tmp/body")
    refused = ask("/", APP, *send)
    assert refused.status == 413
    assert refused.headers["x-frame-options"]


@pytest.mark.parametrize(("coding", "wanted"), [("gzip, br", "br"), ("gzip", "gzip"), ("x", "")])
def test_text_is_compressed_as_well_as_the_visitor_can_read(
    ask: Ask, coding: str, wanted: str
) -> None:
    """Break: sed -i 's/^brotli on/brotli off/; s/^gzip on/gzip off/' \\
    /etc/nginx/snippets/compression.conf; systemctl reload nginx.
    """
    said = ask("/", APP, "--header", f"Accept-Encoding: {coding}", "--output", "/dev/null")
    assert said.headers.get("content-encoding", "") == wanted
    assert said.headers["vary"] == "Accept-Encoding"


# Headers, pages, files


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        ("/", APP, 200),
        ("/", CLOSED, 502),
        ("/", "a.example.com", 421),
        ("/build/app.css", APP, 200),
    ],
)
def test_every_answer_carries_the_security_headers(
    ask: Ask, path: str, name: str, status: int
) -> None:
    """Break: sed -i 's/ always;/;/' /etc/nginx/snippets/headers.conf; systemctl reload nginx."""
    said = ask(path, name)
    assert said.status == status
    assert {"x-frame-options", "x-content-type-options", "referrer-policy"} <= set(said.headers)
    assert ("Back in a moment" in said.body) == (status == 502)


def test_an_application_that_sets_a_header_itself_is_obeyed(ask: Ask) -> None:
    """Break: sed -i 's/default "";/default "SAMEORIGIN";/' /etc/nginx/snippets/headers.conf
    systemctl reload nginx.
    """
    said = ask("/?frame=DENY")
    assert said.headers["x-frame-options"] == "DENY"


def test_files_are_kept_by_browsers_as_long_as_their_names_allow(ask: Ask) -> None:
    """Break: sed -i '/immutable/d' /etc/nginx/snippets/headers.conf; systemctl reload nginx."""
    assert "immutable" in ask("/build/app.css").headers["cache-control"]
    assert ask("/robots.txt").headers["cache-control"] == "no-cache"
    tag = ask("/robots.txt").headers["etag"]
    assert ask("/robots.txt", APP, "--header", f"If-None-Match: {tag}").status == 304


def test_assets_of_a_release_are_served_as_long_as_it_is_kept(host: Host, ask: Ask) -> None:
    """Break: systemctl stop nginx-assets.path."""
    host.check_output("install -D -m644 /dev/null /srv/app/releases/.unpack/public/build/old-1.js")
    time.sleep(
        5
    )  # as unpacking takes; a release that comes while another is linked waits for the next
    host.check_output("mv -T /srv/app/releases/.unpack /srv/app/releases/old")
    assert eventually(lambda: ask("/build/old-1.js").status == 200)
    assert "immutable" in ask("/build/old-1.js").headers["cache-control"]
    host.check_output("rm -r /srv/app/releases/old")
    assert ask("/build/old-1.js").status == 404
    assert eventually(lambda: not host.file("/run/nginx-assets/app/build/old-1.js").exists)


# Where TLS ends here


def test_tls_speaks_what_is_safe_and_nothing_else(host: Host, ask: Ask) -> None:
    """Break: sed -i '/ssl_ciphers/d; /ssl_protocols/d' /etc/nginx/snippets/tls.conf
    systemctl reload nginx.
    """
    said = ask("/", SHOP, scheme="https")
    assert said.headers["strict-transport-security"] == "max-age=63072000"
    assert (said.told["https"], said.told["protocol"]) == ("on", "HTTP/2.0")
    assert ask("/a?b=c", SHOP).headers["location"] == f"https://{SHOP}/a?b=c"
    assert "strict-transport-security" not in ask("/").headers
    offered = "openssl s_client -connect 127.0.0.1:443 -servername %s %s </dev/null"
    old = host.run(offered, SHOP, "-tls1_1")
    assert old.rc != 0
    spoken = {name for name in suites_of_openssl(host) if speaks(host, name)}
    assert spoken == {
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    }, "the other three of the six are for a certificate with an RSA key"


def suites_of_openssl(host: Host) -> list[str]:
    listed = host.check_output("openssl ciphers -tls1_2 -s 'ALL:@SECLEVEL=0'")
    return [name for name in listed.split(":") if "ECDSA" in name]


def speaks(host: Host, suite: str) -> bool:
    command = "openssl s_client -connect 127.0.0.1:443 -tls1_2 -cipher %s </dev/null"
    return bool(host.run(command, f"{suite}:@SECLEVEL=0").rc == 0)


# What people do


def test_a_broken_file_is_not_reloaded_and_the_old_configuration_answers(
    host: Host, ask: Ask
) -> None:
    """Break: sed -i '/^ExecReload=.*-t/d' /etc/systemd/system/nginx.service.d/bakehouse.conf
    systemctl daemon-reload.
    """
    host.check_output("cp /etc/nginx/sites/app.conf /root")
    host.check_output("echo 'server { listen 80; nonsense on; }' >>/etc/nginx/sites/app.conf")
    assert host.run("systemctl reload nginx").rc != 0
    assert ask("/").status == 200
    host.check_output("cp /root/app.conf /etc/nginx/sites")
    assert host.run("systemctl reload nginx").rc == 0


def test_a_rotation_loses_no_line(host: Host) -> None:
    """Break: sed -i '/kill/d' /etc/logrotate.d/nginx."""
    host.check_output("logrotate --force /etc/logrotate.d/nginx")
    ask = f"curl -s -o /dev/null -H 'Host: {APP}' localhost/robots.txt?$n"
    ask_on = f"for n in $(seq 400); do {ask}; done"
    host.check_output("systemd-run --unit=asker sh -c %s", ask_on)
    while host.run("systemctl is-active asker").rc == 0:
        host.check_output("logrotate --force /etc/logrotate.d/nginx")
        time.sleep(1)
    lines = host.check_output("zcat -f /var/log/nginx/access.log*")
    numbers = re.findall(r"/robots\.txt\?(\d+)\"", lines)
    assert sorted(map(int, numbers)) == list(range(1, 401))
    assert host.check_output("stat -c %s /var/log/nginx/access.log.1") != "0"
    assert "robots" not in host.check_output("tail -n 1 /var/log/nginx/error.log")


def test_a_stop_waits_for_requests_and_the_slowest_ends_before_the_load_balancer_gives_up(
    host: Host,
) -> None:
    """Break: sed -i 's/^KillSignal=.*/KillSignal=SIGTERM/' \\
    /etc/systemd/system/nginx.service.d/bakehouse.conf; systemctl daemon-reload.
    """
    in_background(host, "twelve", 12)
    in_background(host, "seventy", 70)
    time.sleep(2)
    host.check_output("systemctl stop nginx")
    status, took = host.check_output("cat /run/twelve").split()
    assert (status, 12 <= float(took) < 20) == ("200", True)
    status, took = host.check_output("cat /run/seventy").split()
    assert status in ("502", "504")
    assert float(took) < 60
    host.check_output("systemctl start nginx")
    started = time.monotonic()
    assert eventually(lambda: busy(host) == 0, seconds=10)
    assert time.monotonic() - started < 10, "the slot is free again"


def in_background(host: Host, name: str, seconds: int) -> None:
    """Ask for something slow; its status and how long it took will be in /run/NAME."""
    ask = f"curl -s -o /dev/null -w '%{{http_code}} %{{time_total}}' -H 'Host: {APP}'"
    ask += f" 'http://127.0.0.1/?seconds={seconds}' >/run/{name}"
    host.check_output("systemd-run --unit=%s sh -c %s", name, ask)


def busy(host: Host) -> int:
    """PHP-FPM's workers that are at work, by its own count."""
    ask = (
        "SCRIPT_NAME=/status SCRIPT_FILENAME=/status REQUEST_METHOD=GET QUERY_STRING=json "
        "cgi-fcgi -bind -connect /run/php-fpm/app/status.sock"
    )
    said = host.check_output(f"sh -c '{ask}'").replace("\r\n", "\n").partition("\n\n")[2]
    return int(json.loads(said)["active processes"])


def eventually(question: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True
