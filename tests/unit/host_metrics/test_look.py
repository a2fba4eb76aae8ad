"""What a host says when everything answers, and when something does not."""

from __future__ import annotations

import copy
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.host_metrics.conftest import STATUS, stock

from host_metrics import figures, look, show
from host_metrics.look import Host, Site
from host_metrics.serve import Rounds

NOBODY = Path("/nobody")
Sites = Callable[..., Site]


def at(*sites: Site, reports: Path = NOBODY, seconds: float = 2.0) -> Host:
    return look.at(sites, reports, seconds, with_queues=True)


def test_all_that_a_site_says_becomes_figures(site: Sites) -> None:
    found = figures.of_host(at(site(queues=("default",))))
    assert found == {
        "opcache_hit_rate": 99,
        "opcache_memory_percent": 40,
        "opcache_restarts": 3,
        "opcache_strings_percent": 25,
        "php_fpm_active": 3,
        "php_fpm_away": 0,
        "php_fpm_idle": 12,
        "php_fpm_listen_queue": 0,
        "php_fpm_max_children_reached": 0,
        "php_fpm_slow_requests": 2,
        "queue_jobs": 7,
    }


def test_the_application_is_told_which_release_and_queues(site: Sites) -> None:
    told: list[dict[str, str]] = []

    def answers(asked: dict[str, str]) -> Any:
        told.append(asked)
        return {}

    release = Path("/srv") / ("long" * 50)
    at(replace(site(answers=answers, queues=("default", "mail")), release=release))
    asked = next(one for one in told if one["SCRIPT_FILENAME"].endswith("/queue.php"))
    assert asked["QUEUES"] == "default,mail"
    assert asked["RELEASE"] == str(release)


def test_who_waits_for_a_worker_is_counted(site: Sites) -> None:
    one = site()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(one.socket))
        assert figures.of_host(at(one))["php_fpm_listen_queue"] == 1


def test_of_several_sites_levels_are_summed_and_the_worst_cache_is_shown(site: Sites) -> None:
    def worse(asked: dict[str, str]) -> Any:
        said = copy.deepcopy(stock(asked))
        if "opcache_statistics" in said:
            said["opcache_statistics"] |= {"hits": 50, "misses": 50}
        return said

    found = figures.of_host(at(site("one"), site("two", worse)))
    assert found["php_fpm_active"] == 6
    assert found["opcache_hit_rate"] == 50


def test_a_site_that_is_away_is_said_to_be_and_its_figures_are_not_made_0(
    site: Sites, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.sock"
    host = at(site("one"), Site("two", gone, gone, tmp_path, ()))
    assert figures.of_host(host)["php_fpm_away"] == 1
    assert figures.of_host(host)["php_fpm_active"] == 3
    assert [str(one) for one in figures.troubles(host)] == [
        f"two: PHP-FPM is away: {gone}: No such file or directory"
    ]
    assert show.line(host).endswith("; two: PHP-FPM IS AWAY")


def test_who_never_answers_is_waited_for_no_longer_than_told(site: Sites) -> None:
    def sleepy(_: dict[str, str]) -> Any:
        time.sleep(3)

    started = time.monotonic()
    host = at(site("one", sleepy), site("two", sleepy), seconds=0.2)
    assert time.monotonic() - started < 1
    assert figures.sites_away(host) == ["one", "two"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<br />Fatal error", "OPcache is not known: an answer that is no JSON: '<br />Fatal"),
        (False, "OPcache is not known: switched off"),
    ],
)
def test_an_opcache_that_says_nothing_is_a_trouble_of_its_own(
    site: Sites, answer: Any, said: str
) -> None:
    host = at(site(answers=lambda asked: STATUS if asked["SCRIPT_NAME"] == "/status" else answer))
    assert said in str(figures.troubles(host)[0])
    assert "opcache_memory_percent" not in figures.of_host(host)


def test_a_queue_that_cannot_be_asked_is_named_by_the_class_of_its_error(site: Sites) -> None:
    def broken(asked: dict[str, str]) -> Any:
        return {"error": "RedisException"} if "queue" in asked["SCRIPT_NAME"] else stock(asked)

    host = at(site(answers=broken, queues=("default",)))
    assert [str(one) for one in figures.troubles(host)] == [
        "app: the queue is not known: the application failed with RedisException"
    ]


def test_what_other_programs_report_is_handed_over_and_nonsense_is_not(tmp_path: Path) -> None:
    (tmp_path / "runtime_env.prom").write_text("runtime_env_stale 1\n\nnonsense\nx y\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    assert figures.of_host(at(reports=tmp_path)) == {"php_fpm_away": 0, "runtime_env_stale": 1}


def test_a_full_pool_counts_once_however_long_it_stays_full(site: Sites) -> None:
    idle = [0]

    def answers(asked: dict[str, str]) -> Any:
        return STATUS | {"idle processes": idle[0]} if asked["SCRIPT_NAME"] == "/status" else False

    full = site(answers=answers)
    rounds = Rounds(lambda _: at(full), 60, lambda: 0.0)
    sent = []
    for idle[0] in (12, 0, 0, 12, 0):
        _, packet = rounds.next()
        sent.append(next(x for x in packet.decode().split("\n") if "max_children" in x))
    assert [line.partition(":")[2] for line in sent] == ["0|c", "1|c", "0|c", "0|c", "1|c"]


def test_the_queues_are_asked_seldom_and_remembered_meanwhile(site: Sites) -> None:
    clock = [0.0]
    asked: list[bool] = []
    one = site(queues=("default",))

    def ask(with_queues: bool) -> Host:
        asked.append(with_queues)
        return look.at((one,), NOBODY, 2.0, with_queues)

    rounds = Rounds(ask, 60, lambda: clock[0])
    for clock[0] in (0.0, 15.0, 59.0, 60.0):
        host, packet = rounds.next()
        assert b"queue_jobs:7|g" in packet
        assert figures.troubles(host) == []
    assert asked == [True, False, False, True]
