"""The sum that plans, and the one that hosts do for themselves at boot, are the same sum."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.roles.sizing import Demand, Site, workers_for, workers_for_each

PROGRAM = Path("roles/php_fpm/files/usr/local/lib/bakehouse/php-fpm-workers")
USUAL = Demand(reserve_mib=256, opcache_mib=192, request_mib=32, workers_per_processor=32)


def load_program() -> Any:
    loader = importlib.machinery.SourceFileLoader("php_fpm_workers", str(PROGRAM.absolute()))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


program = load_program()


@pytest.mark.parametrize(
    ("why", "memory_mib", "processors", "workers"),
    [
        ("a small host still answers", 256, 1, 1),
        ("memory decides on small hosts", 1024, 2, 15),
        ("one worker's worth of memory is one worker", 1024 + 36, 2, 16),
        ("what does not fit whole does not count", 1024 + 35, 2, 16),
        ("processors decide on large ones", 65536, 2, 64),
    ],
)
def test_the_pool_fills_the_memory_and_never_exceeds_it(
    why: str, memory_mib: int, processors: int, workers: int
) -> None:
    assert workers_for(memory_mib, processors, USUAL) == workers, why


@pytest.mark.parametrize(
    ("demand", "processors"), [(Demand(0, 0, -4, 1), 1), (USUAL, 0), (Demand(0, 0, 1, 0), 1)]
)
def test_a_worker_that_weighs_nothing_is_refused(demand: Demand, processors: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        workers_for(1024, processors, demand)


def test_a_site_without_a_share_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        workers_for_each(1024, 2, USUAL, [Site("app"), Site("shop", weight=0)])


SITES = st.lists(
    st.tuples(st.integers(1, 9), st.one_of(st.just(0), st.integers(0, 20))), min_size=1, max_size=4
).map(lambda them: [Site(f"s{i}", weight, count) for i, (weight, count) in enumerate(them)])


def options(demand: Demand, sites: list[Site]) -> list[str]:
    return [
        f"--reserve-mib={demand.reserve_mib}",
        f"--opcache-mib={demand.opcache_mib}",
        f"--request-mib={demand.request_mib}",
        f"--workers-per-processor={demand.workers_per_processor}",
        *(f"--site={site.name},weight={site.weight},count={site.count}" for site in sites),
    ]


@given(
    memory=st.integers(0, 2**20),
    processors=st.integers(1, 192),
    demand=st.builds(
        Demand,
        reserve_mib=st.integers(0, 4096),
        opcache_mib=st.integers(8, 1024),
        request_mib=st.integers(1, 1024),
        workers_per_processor=st.integers(1, 100),
    ),
    sites=SITES,
)
def test_a_host_counts_what_the_plan_counts(
    memory: int, processors: int, demand: Demand, sites: list[Site]
) -> None:
    planned = workers_for_each(memory, processors, demand, sites)
    read = program.arguments(["--output=/nowhere", *options(demand, sites)])
    assert program.workers(memory, processors, read) == list(planned.values())


@given(memory=st.integers(512, 2**16), sites=SITES)
def test_all_sites_together_fit_into_the_memory(memory: int, sites: list[Site]) -> None:
    counted = sum(workers_for_each(memory, 192, USUAL, sites).values())
    fixed = sum(site.count for site in sites)
    room = memory - 256 - len(sites) * (192 + 16)
    of_each_at_least_one = len(sites)
    assert counted <= max(room // 36, fixed) + of_each_at_least_one


@pytest.mark.parametrize(("gib", "workers"), [(1, 15), (2, 44), (4, 100)])
def test_one_image_serves_larger_instances_with_more_workers(gib: int, workers: int) -> None:
    counted = workers_for(gib * 1024, 4, USUAL)
    assert counted == workers
    assert 256 + 192 + 16 + counted * 36 <= gib * 1024


def host(tmp_path: Path, **files: str) -> Path:
    """A root folder with a machine of 8 GiB, and files of control groups."""
    meminfo = tmp_path / "proc/meminfo"
    meminfo.parent.mkdir()
    meminfo.write_text("MemTotal:        8388608 kB\nMemFree:         100 kB\n")
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name.replace("__", "/").replace("-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("why", "files", "memory_mib"),
    [
        ("no control groups at all", {}, 8192),
        ("v2 without a limit", {"memory-max": "max\n"}, 8192),
        ("v2 with one", {"memory-max": "1073741824\n"}, 1024),
        ("v1 without a limit", {"memory__memory-limit_in_bytes": "9223372036854771712\n"}, 8192),
        ("v1 with one", {"memory__memory-limit_in_bytes": "536870912\n"}, 512),
    ],
)
def test_a_host_s_memory_is_what_it_may_really_use(
    tmp_path: Path, why: str, files: dict[str, str], memory_mib: int
) -> None:
    assert program.memory_mib(host(tmp_path, **files)) == memory_mib, why


@pytest.mark.parametrize(
    ("why", "files", "processors"),
    [
        ("no control groups at all", {}, 8),
        ("v2 without a share", {"cpu-max": "max 100000\n"}, 8),
        ("v2 with a processor and a half", {"cpu-max": "150000 100000\n"}, 2),
        (
            "v1 without a share",
            {"cpu__cpu-cfs_quota_us": "-1\n", "cpu__cpu-cfs_period_us": "100000\n"},
            8,
        ),
        (
            "v1 with half a processor",
            {"cpu__cpu-cfs_quota_us": "50000\n", "cpu__cpu-cfs_period_us": "100000\n"},
            1,
        ),
    ],
)
def test_a_host_s_processors_are_its_share_rounded_up(
    tmp_path: Path, why: str, files: dict[str, str], processors: int
) -> None:
    assert program.processors(host(tmp_path, **files), 8) == processors, why


def told(tmp_path: Path, *sites: Site) -> list[str]:
    root = host(tmp_path, **{"memory-max": "1073741824\n", "cpu-max": "200000 100000\n"})
    return [f"--output={tmp_path}", f"--root={root}", *options(USUAL, list(sites))]


def test_the_file_that_php_fpm_includes_names_the_pool_and_the_reason(tmp_path: Path) -> None:
    assert program.main(told(tmp_path, Site("app"))) == 0
    written = (tmp_path / "app.conf").read_text()
    assert written.startswith("; 1024 MiB less 256 reserved")
    assert written.endswith("[app]\npm.max_children = 15\n")


def test_a_number_that_was_given_wins_over_the_sum(tmp_path: Path) -> None:
    program.main(told(tmp_path, Site("app"), Site("shop", count=7)))
    assert "pm.max_children = 7\n" in (tmp_path / "shop.conf").read_text()


@pytest.mark.parametrize("site", ["", "app,weight=0", "app,count=-1", "app,share=2", "app,weight"])
def test_a_site_that_makes_no_sense_is_refused(
    tmp_path: Path, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.main([*told(tmp_path), f"--site={site}"])
    assert "--site" in capsys.readouterr().err
