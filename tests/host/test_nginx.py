"""What a host with the role `nginx` can do, whoever built it. It needs an application behind it."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Fpm, Get
    from testinfra.host import Host

VISITOR = "203.0.113.9"


@pytest.fixture(scope="module")
def settings(host: Host) -> dict[str, str]:
    """What nginx's configuration amounts to; of a directive given twice, the last."""
    text = host.check_output("nginx -T 2>/dev/null")
    return dict(re.findall(r"^\s*([a-z_]+)\s+([^;{]+);", text, flags=re.MULTILINE))


@pytest.fixture
def logged(host: Host, get: Get) -> Callable[..., dict[str, object]]:
    """Ask for a path nobody else asks for, and return what the access log says about it."""

    def ask(**headers: str) -> dict[str, object]:
        path = f"/{uuid.uuid4()}"
        get(path, **headers)
        line: dict[str, object] = json.loads(
            host.check_output(f"tail -n 200 /var/log/nginx/access.log | grep {path}")
        )
        return line

    return ask


def test_nginx_runs_now_and_after_a_reboot(host: Host) -> None:
    """Break: systemctl disable nginx."""
    assert host.service("nginx").is_running
    assert host.service("nginx").is_enabled


def test_nginx_s_configuration_is_sound_for_the_next_start(host: Host) -> None:
    """Break: echo nonsense >>/etc/nginx/conf.d/app.conf."""
    assert host.run("nginx -t").rc == 0


def test_the_distribution_s_example_site_is_gone(host: Host) -> None:
    """Break: touch /etc/nginx/sites-enabled/default."""
    assert not host.file("/etc/nginx/sites-enabled/default").exists


@pytest.mark.parametrize("name", ["10.20.11.7", "10.20.11.7:80", "www.example.com:8080"])
def test_the_health_check_is_answered_whatever_host_it_asks_for(get: Get, name: str) -> None:
    """Break: sed -i 's/server_name _/server_name a; if ($host != a) { return 444; } #/' \\
    /etc/nginx/conf.d/app.conf; systemctl reload nginx.
    """
    assert get("/health", Host=name).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.git/config",
        "/storage/x.php",
        "/index.php/etc/passwd",
        "/info.php?x=1",
        "/build/../.env",
        "/build/none.css",
    ],
)
def test_what_is_not_the_application_does_not_exist(get: Get, path: str) -> None:
    """Break: sed -i 's/return 404/return 403/; s/=404/=403/' /etc/nginx/conf.d/app.conf
    systemctl reload nginx.
    """
    assert get(path).status == 404


def test_a_dot_path_that_the_web_s_standards_ask_for_reaches_the_application(get: Get) -> None:
    """Break: sed -i 's/(?!well-known.)//' /etc/nginx/conf.d/app.conf; systemctl reload nginx."""
    assert "nginx" not in get("/.well-known/security.txt").body


@pytest.mark.parametrize("path", ["/health", "/.env", "/build/none.css", "/index.php/x"])
@pytest.mark.parametrize("header", ["x-content-type-options", "x-frame-options", "referrer-policy"])
def test_every_answer_carries_the_security_headers(get: Get, path: str, header: str) -> None:
    """Break: sed -i '/include snippets/d' /etc/nginx/conf.d/app.conf; systemctl reload nginx."""
    assert get(path).headers[header]


@pytest.mark.parametrize("path", ["/health", "/.env"])
def test_a_visitor_learns_no_version_from_us(get: Get, path: str) -> None:
    """Break: sed -i '/server_tokens/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    answer = get(path)
    assert answer.headers["server"] == "nginx"
    assert "x-powered-by" not in answer.headers
    assert "nginx/" not in answer.body


def test_the_visitor_is_who_the_load_balancer_names(logged: Callable[..., dict[str, str]]) -> None:
    """Break: sed -i '/real_ip_header/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    assert logged(X_Forwarded_For=VISITOR)["client"] == VISITOR


def test_a_visitor_cannot_claim_another_s_address(logged: Callable[..., dict[str, str]]) -> None:
    """Break: sed -i 's@set_real_ip_from 10.*@set_real_ip_from 0.0.0.0/0;@' \\
    /etc/nginx/nginx.conf; systemctl reload nginx.
    """
    assert logged(X_Forwarded_For=f"6.6.6.6, {VISITOR}")["client"] == VISITOR


def test_an_inner_proxy_is_not_taken_for_the_visitor(
    logged: Callable[..., dict[str, str]],
) -> None:
    """Break: sed -i '/real_ip_recursive/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    assert logged(X_Forwarded_For=f"{VISITOR}, 10.0.1.5")["client"] == VISITOR


def test_a_line_of_the_access_log_can_be_joined_to_the_load_balancer_s(
    logged: Callable[..., dict[str, str]],
) -> None:
    """Break: sed -i '/trace_id/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    trace = "Root=1-67891233-abcdef012345678912345678"
    line = logged(X_Amzn_Trace_Id=trace, X_Forwarded_Proto="https", User_Agent='a"b\\c')
    assert line["trace_id"] == trace
    assert line["proto"] == "https"
    assert line["agent"] == 'a"b\\c'
    assert float(line["php_seconds"]) >= 0


def test_good_health_is_not_logged(host: Host, get: Get) -> None:
    """Break: sed -i 's/ if=$worth_a_line//' /etc/nginx/nginx.conf; systemctl reload nginx."""
    agent = str(uuid.uuid4())
    assert get("/health", User_Agent=agent).status == 200
    assert host.run(f"grep {agent} /var/log/nginx/access.log").rc == 1


def test_a_header_of_16_kib_is_accepted(get: Get) -> None:
    """Break: sed -i '/large_client_header/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    assert get("/health", Cookie=f"big={'x' * 16384}").status == 200


def test_a_large_header_of_the_application_fits(settings: dict[str, str]) -> None:
    """Break: sed -i '/fastcgi_.*buffer/d' /etc/nginx/conf.d/app.conf."""
    assert settings["fastcgi_buffer_size"] == "32k"
    assert settings["fastcgi_buffers"] == "8 32k"


def test_text_is_compressed_also_for_proxies(host: Host, settings: dict[str, str]) -> None:
    """Break: sed -i '/gzip_proxied/d' /etc/nginx/nginx.conf."""
    assert settings["gzip"] == "on"
    assert settings["gzip_proxied"] == "any"
    assert "application/json" in settings["gzip_types"]


def test_each_step_of_the_timeout_ladder_is_above_the_one_before(
    host: Host, settings: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Break: sed -i 's/keepalive_timeout .*/keepalive_timeout 20s;/' /etc/nginx/nginx.conf."""
    load_balancer_idle = 60
    ladder = [seconds(settings["fastcgi_read_timeout"]), load_balancer_idle]
    ladder.append(seconds(settings["keepalive_timeout"]))
    if host.file("/etc/php").exists:
        fpm: Fpm = request.getfixturevalue("fpm")
        ladder.insert(0, seconds(fpm.settings["request_terminate_timeout"]))
        ladder.insert(0, int(fpm.php["max_execution_time"]))
    assert ladder == sorted(set(ladder)), "each must be above the one before"


def test_nginx_accepts_what_php_accepts(
    host: Host, settings: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Break: sed -i 's/client_max_body_size .*/client_max_body_size 1m;/' /etc/nginx/nginx.conf."""
    if not host.file("/etc/php").exists:
        pytest.skip("no PHP on this host")
    fpm: Fpm = request.getfixturevalue("fpm")
    assert settings["client_max_body_size"].upper() == fpm.php["post_max_size"]


def test_nginx_never_runs_out_of_files(
    settings: dict[str, str], unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: sed -i 's/rlimit_nofile .*/rlimit_nofile 1024;/' /etc/nginx/nginx.conf."""
    needed = 2 * int(settings["worker_connections"])
    assert int(settings["worker_rlimit_nofile"]) >= needed
    assert int(unit("nginx")["LimitNOFILE"]) >= needed


def test_a_stop_lets_requests_in_flight_end(
    settings: dict[str, str], unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: rm -r /etc/systemd/system/nginx.service.d; systemctl daemon-reload."""
    systemd = unit("nginx")
    assert systemd["KillSignal"] == "3", "SIGQUIT"
    assert systemd["KillMode"] == "mixed"
    assert "ExecStop" not in systemd, "Debian's own gives requests 5 seconds"
    assert systemd["TimeoutStopUSec"] == "1min 10s"
    assert seconds(settings["fastcgi_read_timeout"]) < 70


def test_nginx_comes_back_when_it_dies(unit: Callable[[str], dict[str, str]]) -> None:
    """Break: sed -i '/^Restart=/d' /etc/systemd/system/nginx.service.d/*
    systemctl daemon-reload.
    """
    assert unit("nginx")["Restart"] == "always"


def seconds(value: str) -> int:
    return int(value.removesuffix("s"))
