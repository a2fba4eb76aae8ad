"""The report of `make compare`: what it makes of rounds, and that it hides nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import report
from report import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIDES = ("bare", "debian", "geerlingguy", "trellis", "bakehouse")


def load(side: str, route: str, turn: int, rate: float, **more: float) -> dict[str, Any]:
    told = {"p50_ms": 10.0, "p99_ms": 20.0, "processor_ms": 1.0, "failed": 0.0} | more
    return {"side": side, "route": route, "round": turn, "requests_per_second": rate, **told}


def measured(rates: Mapping[str, tuple[float, ...]], **more: float) -> Measured:
    """Rates of each side in each round, the same on every route."""
    loads = [
        load(side, route, turn, rate, **more)
        for side, values in rates.items()
        for turn, rate in enumerate(values)
        for route in report.ROUTES
    ]
    floor = [load("floor", "floor", turn, 9000, processor_ms=0.1) for turn in range(2)]
    return Measured(
        loads=loads + floor,
        worker_memory_mib=dict.fromkeys(SIDES, 5.0),
        starts=[{"side": side, "start_ms": 50.0, "first_ms": 7.0} for side in SIDES],
        variants=[{"name": s, "title": s.title(), "source": "its files"} for s in SIDES[:-1]],
    )


RATES: dict[str, tuple[float, ...]] = {
    "bare": (50.0, 60.0),
    "debian": (100.0, 120.0),
    "geerlingguy": (110.0, 110.0),
    "trellis": (80.0, 90.0),
    "bakehouse": (150.0, 240.0),
}


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    found = measured(RATES).ratio("bakehouse", "debian", "plain")
    assert (found.low, found.middle, found.high) == (1.5, 1.75, 2.0)


def test_rounds_that_are_out_of_order_are_still_paired() -> None:
    told = measured(RATES)
    turned = Measured(told.loads[::-1], told.worker_memory_mib, told.starts, told.variants)
    assert turned.ratio("bakehouse", "debian", "plain").high == 2.0


def test_the_best_peer_is_the_fastest_that_has_laravel_s_caches() -> None:
    rates = RATES | {"bare": (900.0, 900.0), "geerlingguy": (130.0, 140.0)}
    assert measured(rates).best_peer("page") == "geerlingguy"


def test_what_failed_is_in_the_table() -> None:
    row = report.routes_table(measured(RATES, failed=3.0), "page").splitlines()[-1]
    assert row.startswith("| **Bakehouse** | 1.75 (1.50-2.00) |")
    assert row.endswith("| 6 |")


def test_a_side_that_was_not_measured_is_an_error_and_no_zero() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        measured(RATES | {"trellis": ()}).middle("trellis", "plain", "p50_ms")


def test_the_time_is_split_where_routes_differ() -> None:
    said = report.where_time_goes(measured(RATES))
    assert "| Laravel until it answers JSON: boot, routing, middleware | 0.90 |" in said


def test_the_report_and_its_plot_are_written(tmp_path: Path) -> None:
    told = measured(RATES)
    kept = tmp_path / "compare.json"
    parts = ("loads", "worker_memory_mib", "starts", "variants")
    kept.write_text(json.dumps({part: getattr(told, part) for part in parts}))
    said: list[str] = []
    assert report.main([str(kept), str(tmp_path)], said.append) == 0
    assert "1.75 (1.50-2.00) times" in (tmp_path / "performance.md").read_text()
    assert (tmp_path / "performance.svg").read_text().startswith("<svg")


def test_too_few_words_are_answered_with_the_words_that_are_wanted() -> None:
    said: list[str] = []
    assert report.main(["build/compare.json"], said.append) == 2
    assert "python bench/report.py" in said[1]
