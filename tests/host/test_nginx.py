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
    from sandbox import Sandbox
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
    """Break: echo nonsense >>/etc/nginx/sites/app.conf."""
    assert host.run("nginx -t").rc == 0


def test_the_distribution_s_example_site_is_gone(host: Host) -> None:
    """Break: touch /etc/nginx/sites-enabled/default."""
    assert not host.file("/etc/nginx/sites-enabled/default").exists


@pytest.mark.parametrize("name", ["10.20.11.7", "10.20.11.7:80", "www.example.com:8080"])
def test_the_health_check_is_answered_whatever_host_it_asks_for(get: Get, name: str) -> None:
    """Break: sed -i 's/server_name _/server_name a; if ($host != a) { return 444; } #/' \\
    /etc/nginx/sites/app.conf; systemctl reload nginx.
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
        "/-/unavailable.html",
        "/-/app/ping",
    ],
)
def test_what_is_not_the_application_does_not_exist(get: Get, path: str) -> None:
    """Break: sed -i 's/return 404/return 403/; s/=404/=403/' /etc/nginx/sites/app.conf
    systemctl reload nginx.
    """
    assert get(path).status == 404


def test_a_dot_path_that_the_web_s_standards_ask_for_reaches_the_application(get: Get) -> None:
    """Break: sed -i 's/(?!well-known.)//' /etc/nginx/sites/app.conf; systemctl reload nginx."""
    assert "nginx" not in get("/.well-known/security.txt").body


@pytest.mark.parametrize("path", ["/", "/health", "/.env", "/build/none.css", "/index.php/x"])
@pytest.mark.parametrize("header", ["x-content-type-options", "x-frame-options", "referrer-policy"])
def test_every_answer_carries_the_security_headers(get: Get, path: str, header: str) -> None:
    """Break: sed -i '/frame_options/d; /^add_header/d' /etc/nginx/snippets/headers.conf
    systemctl reload nginx.
    """
    assert get(path).headers[header]


def test_what_is_not_there_is_not_remembered_by_caches(get: Get) -> None:
    """Break: sed -i 's/default "no-store"/default "no-cache"/' /etc/nginx/snippets/headers.conf
    systemctl reload nginx.
    """
    assert get("/build/none.css").headers["cache-control"] == "no-store"


def test_no_location_adds_headers_and_so_loses_the_others(host: Host) -> None:
    """Break: sed -i 's/location @earlier {/& add_header X-A b;/' /etc/nginx/sites/app.conf."""
    assert host.run("grep -rl add_header /etc/nginx/sites /etc/nginx/conf.d").stdout == ""


@pytest.mark.parametrize("path", ["/health", "/.env"])
def test_a_visitor_learns_no_version_from_us(get: Get, path: str) -> None:
    """Break: sed -i '/server_tokens/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    answer = get(path)
    assert answer.headers["server"] == "nginx"
    assert "x-powered-by" not in answer.headers
    assert "nginx/" not in answer.body


def test_the_visitor_is_who_the_load_balancer_names(logged: Callable[..., dict[str, str]]) -> None:
    """Break: sed -i '/real_ip_header/d' /etc/nginx/snippets/visitor.conf
    systemctl reload nginx.
    """
    assert logged(X_Forwarded_For=VISITOR)["client"] == VISITOR


def test_a_visitor_cannot_claim_another_s_address(logged: Callable[..., dict[str, str]]) -> None:
    """Break: sed -i 's@set_real_ip_from 10.*@set_real_ip_from 0.0.0.0/0;@' \\
    /etc/nginx/snippets/visitor.conf; systemctl reload nginx.
    """
    assert logged(X_Forwarded_For=f"6.6.6.6, {VISITOR}")["client"] == VISITOR


def test_an_inner_proxy_is_not_taken_for_the_visitor(
    logged: Callable[..., dict[str, str]],
) -> None:
    """Break: sed -i '/real_ip_recursive/d' /etc/nginx/snippets/visitor.conf
    systemctl reload nginx.
    """
    assert logged(X_Forwarded_For=f"{VISITOR}, 10.0.1.5")["client"] == VISITOR


def test_a_line_of_the_access_log_can_be_joined_to_the_load_balancer_s(
    logged: Callable[..., dict[str, str]],
) -> None:
    """Break: sed -i '/trace_id/d' /etc/nginx/snippets/log.conf; systemctl reload nginx."""
    trace = "Root=1-67891233-abcdef012345678912345678"
    line = logged(X_Amzn_Trace_Id=trace, X_Forwarded_Proto="https", User_Agent='a"b\\c')
    assert line["trace_id"] == trace
    assert line["proto"] == "https"
    assert line["agent"] == 'a"b\\c'
    assert float(line["php_seconds"]) >= 0
    assert re.fullmatch(r"\d{3}", line["php_status"])


def test_a_line_of_the_access_log_names_the_release(
    host: Host, logged: Callable[..., dict[str, str]]
) -> None:
    """Break: sed -i 's@/releases/@/nowhere/@' /etc/nginx/snippets/log.conf
    systemctl reload nginx.
    """
    assert logged()["release"] == host.check_output("basename $(readlink -f /srv/app/current)")


def test_good_health_is_not_logged(host: Host, get: Get) -> None:
    """Break: sed -i 's/ if=$worth_a_line//' /etc/nginx/snippets/log.conf
    systemctl reload nginx.
    """
    agent = str(uuid.uuid4())
    assert get("/health", User_Agent=agent).status == 200
    assert host.run(f"grep {agent} /var/log/nginx/access.log").rc == 1


def test_a_header_of_16_kib_is_accepted(get: Get) -> None:
    """Break: sed -i '/large_client_header/d' /etc/nginx/nginx.conf; systemctl reload nginx."""
    assert get("/health", Cookie=f"big={'x' * 16384}").status == 200


def test_a_large_header_of_the_application_fits(settings: dict[str, str]) -> None:
    """Break: sed -i '/fastcgi_.*buffer/d' /etc/nginx/snippets/php.conf."""
    assert settings["fastcgi_buffer_size"] == "32k"
    assert settings["fastcgi_buffers"] == "8 32k"


def test_text_is_compressed_also_for_proxies(settings: dict[str, str]) -> None:
    """Break: sed -i '/gzip_proxied/d; /brotli/d' /etc/nginx/snippets/compression.conf."""
    assert settings["gzip"] == settings["brotli"] == "on"
    assert settings["gzip_proxied"] == "any"
    assert "application/json" in settings["gzip_types"]
    assert settings["brotli_types"] == settings["gzip_types"]


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
    host: Host, settings: dict[str, str], sandbox: Callable[[str], Sandbox]
) -> None:
    """Break: sed -i 's/^LimitNOFILE=.*/LimitNOFILE=1024/' /etc/systemd/system/nginx.service.d/*
    systemctl daemon-reload; systemctl restart nginx.
    """
    for process in sandbox("nginx").processes:
        limits = host.check_output(f"cat /proc/{process.pid}/limits")
        found = re.search(r"^Max open files +(\d+)", limits, flags=re.MULTILINE)
        assert found
        assert int(found[1]) >= 2 * int(settings["worker_connections"])


def test_every_processor_has_a_worker(host: Host, sandbox: Callable[[str], Sandbox]) -> None:
    """Break: sed -i 's/worker_processes .*/worker_processes 7;/' /etc/nginx/nginx.conf
    systemctl restart nginx.
    """
    workers = len(sandbox("nginx").processes) - 1
    assert workers == int(host.check_output("nproc"))


def test_a_stop_lets_requests_in_flight_end(
    settings: dict[str, str], unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: rm /etc/systemd/system/nginx.service.d/bakehouse.conf; systemctl daemon-reload."""
    systemd = unit("nginx")
    assert systemd["KillSignal"] == "3", "SIGQUIT"
    assert systemd["KillMode"] == "mixed"
    assert "ExecStop" not in systemd, "Debian's own gives requests 5 seconds"
    assert systemd["TimeoutStopUSec"] == "1min 10s"
    assert seconds(settings["fastcgi_read_timeout"]) < 70


def test_a_person_s_reload_checks_the_configuration_first(host: Host) -> None:
    """Break: sed -i '/^ExecReload=.*-t/d' /etc/systemd/system/nginx.service.d/bakehouse.conf
    systemctl daemon-reload.
    """
    check, reload = host.check_output("systemctl show -P ExecReload nginx").splitlines()
    assert "nginx -t" in check
    assert "kill -HUP" in reload


def test_nginx_comes_back_when_it_dies(unit: Callable[[str], dict[str, str]]) -> None:
    """Break: sed -i '/^Restart=/d' /etc/systemd/system/nginx.service.d/bakehouse.conf
    systemctl daemon-reload.
    """
    assert unit("nginx")["Restart"] == "always"


def test_no_process_of_nginx_is_root_or_can_become_it(sandbox: Callable[[str], Sandbox]) -> None:
    """Break: sed -i '/^User=/d; /^CapabilityB/d; /^SystemCallF/d; /^NoNew/d; /^PrivateUsers/d' \\
    /etc/systemd/system/nginx.service.d/sandbox.conf; systemctl daemon-reload
    systemctl restart nginx.
    """
    for process in sandbox("nginx").processes:
        assert process.uid != 0
        assert (process.may, process.may_ever) == (0, 0)
        assert process.no_new_privileges
        assert process.filtered
        assert {"mnt", "user"} <= set(process.own)


REFUSED = [
    "touch /etc/nginx/x",
    "touch /usr/local/bin/x",
    "touch /srv/app/x",
    "touch /var/log/nginx/x",  # a folder of one's own is a way to root, by logrotate
    "touch /run/bakehouse-x",
    "cat /etc/shadow",
    "ls /root/",
    "ls /run/laravel/",
    "cat /proc/1/status",
    "cat /proc/meminfo",
    "unshare --user true",
    "python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)'",
    "python3 -c 'import os; os.setpriority(0, 0, 1)'",
    "python3 -c 'import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)'",
]
ALLOWED = [
    ": >>/var/log/nginx/access.log",
    "touch /var/lib/nginx/body/.tried && rm /var/lib/nginx/body/.tried",
]


@pytest.fixture(scope="module")
def tried(sandbox: Callable[[str], Sandbox]) -> dict[str, bool]:
    """What commands came to that nginx's twin tried."""
    return sandbox("nginx").tries_each([*ALLOWED, *REFUSED])


@pytest.mark.parametrize("command", REFUSED)
def test_nginx_is_refused_what_it_does_not_need(tried: dict[str, bool], command: str) -> None:
    """Break: rm /etc/systemd/system/nginx.service.d/sandbox.conf; systemctl daemon-reload."""
    assert not tried[command]


@pytest.mark.parametrize("command", ALLOWED)
def test_nginx_can_do_what_it_does(tried: dict[str, bool], command: str) -> None:
    """Break: sed -i '/^ReadWrite/d' /etc/systemd/system/nginx.service.d/sandbox.conf
    systemctl daemon-reload.
    """
    assert tried[command]


def test_nginx_is_as_little_exposed_as_a_network_service_can_be(
    sandbox: Callable[[str], Sandbox],
) -> None:
    """Break: sed -i '/^PrivateUsers/d' /etc/systemd/system/nginx.service.d/sandbox.conf
    systemctl daemon-reload.
    """
    assert sandbox("nginx").exposure <= 1.0


def test_only_root_makes_files_where_logrotate_works(host: Host) -> None:
    """Break: chown www-data /var/log/nginx."""
    folder = host.file("/var/log/nginx")
    assert (folder.user, folder.mode) == ("root", 0o755)
    for name in ("access.log", "error.log"):
        log = host.file(f"/var/log/nginx/{name}")
        assert (log.user, log.group, log.mode) == ("www-data", "adm", 0o640)


def test_a_check_by_root_does_not_take_nginx_s_folders_away(host: Host) -> None:
    """Break: rm /etc/nginx/root/user.conf."""
    assert host.run("nginx -t").rc == 0
    assert host.file("/var/lib/nginx/body").user == "www-data"


def test_logs_are_rotated_by_size_every_hour(
    host: Host, unit: Callable[[str], dict[str, str]]
) -> None:
    """Break: rm /etc/systemd/system/logrotate.timer.d/nginx.conf; systemctl daemon-reload."""
    said = host.run("logrotate --debug /etc/logrotate.d/nginx")
    assert said.rc == 0
    assert "(14 rotations)" in said.stderr
    assert "log files >= 104857600 are rotated earlier" in said.stderr
    assert "OnCalendar=*-*-* *:00:00" in unit("logrotate.timer")["TimersCalendar"]


def test_the_host_says_that_it_serves(host: Host) -> None:
    """Break: mkdir -p /run/bakehouse; touch /run/bakehouse/drain."""
    said = host.run("drain status")
    assert (said.rc, said.stdout.split(";")[0]) == (0, "serves")


def test_assets_of_earlier_releases_are_watched_for(host: Host) -> None:
    """Break: systemctl disable --now nginx-assets.path."""
    assert host.service("nginx-assets.path").is_running
    assert host.service("nginx-assets.path").is_enabled
    assert host.service("nginx-assets.service").is_enabled


def seconds(value: str) -> int:
    return int(value.removesuffix("s"))
