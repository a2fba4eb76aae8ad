"""The file that the role writes, and what the command says when it is not that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_metrics.main import Settings, main

GOOD = {
    "sites": ["app", "shop"],
    "socket": "/run/php-fpm/{site}/fpm.sock",
    "status": "/run/php-fpm/{site}/status.sock",
    "release": "/srv/{site}/current",
    "queues": ["default"],
    "interval_seconds": 15,
    "queue_interval_seconds": 60,
    "statsd": "127.0.0.1:8125",
    "reports": "/run/bakehouse/metrics",
    "report": "/nowhere/last.json",
}


def test_each_site_has_its_own_sockets_and_release(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(GOOD))
    settings = Settings(tmp_path / "s.json")
    assert [site.name for site in settings.sites] == ["app", "shop"]
    assert str(settings.sites[1].status) == "/run/php-fpm/shop/status.sock"
    assert str(settings.sites[1].release) == "/srv/shop/current"
    assert settings.statsd == ("127.0.0.1", 8125)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", json.dumps(GOOD | {"sites": 1}), json.dumps(GOOD | {"statsd": "localhost"})],
)
def test_a_file_that_is_not_the_role_s_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "s.json").write_text(text)
    assert main(["--settings", str(tmp_path / "s.json")]) == 2
    assert "s.json is not as the role host_metrics writes it" in capsys.readouterr().err


def test_a_host_without_the_file_says_which_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--settings", str(tmp_path / "gone")]) == 2
    assert f"{tmp_path}/gone: No such file" in capsys.readouterr().err


def test_the_command_shows_what_the_service_saw_of_the_queues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "last.json"
    report.write_text(json.dumps({"sites": {"shop": {"queue_jobs": 4}}}))
    (tmp_path / "s.json").write_text(json.dumps(GOOD | {"report": str(report)}))
    status = main(["--settings", str(tmp_path / "s.json"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["sites"]["shop"] == {"queue_jobs": 4}
    assert status == 3  # there is no PHP-FPM here
