"""The sum that plans, and the one that hosts do for themselves at boot, are the same sum."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.sizing import Demand, workers_for

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


@given(
    memory=st.integers(0, 2**20),
    processors=st.integers(1, 192),
    reserve=st.integers(0, 4096),
    opcache=st.integers(8, 1024),
    request=st.integers(1, 1024),
    each=st.integers(1, 100),
)
def test_a_host_counts_what_the_plan_counts(
    memory: int, processors: int, reserve: int, opcache: int, request: int, each: int
) -> None:
    planned = workers_for(memory, processors, Demand(reserve, opcache, request, each))
    assert program.workers(memory, processors, reserve, opcache, request, each) == planned


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


def told(tmp_path: Path, *more: str) -> list[str]:
    wanted = ["--reserve-mib=256", "--opcache-mib=192", "--request-mib=32"]
    output = f"--output={tmp_path / 'app.conf'}"
    return [*wanted, "--workers-per-processor=32", "--pool=app", output, *more]


def test_the_file_that_php_fpm_includes_names_the_pool_and_the_reason(tmp_path: Path) -> None:
    root = host(tmp_path, **{"memory-max": "1073741824\n", "cpu-max": "200000 100000\n"})
    assert program.main(told(tmp_path, f"--root={root}")) == 0
    written = (tmp_path / "app.conf").read_text()
    assert written.startswith("; 1024 MiB less 256 reserved")
    assert written.endswith("[app]\npm.max_children = 15\n")


def test_a_number_that_was_given_wins_over_the_sum(tmp_path: Path) -> None:
    program.main(told(tmp_path, "--count=7"))
    assert "pm.max_children = 7\n" in (tmp_path / "app.conf").read_text()
