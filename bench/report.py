"""Makes docs/performance.md and its plot from what `make compare` measured.

python bench/report.py build/compare.json docs
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pygal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OURS = "bakehouse"
STOCK = "debian"
PEERS = (STOCK, "geerlingguy", "trellis")
ROUTES = {
    "plain": "JSON without a session",
    "page": "Eloquent and Blade, with a session in Redis",
    "cached": "Redis: session and cache",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """Min, median and max of what several rounds measured."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """As the tables have it: `1.24 (1.20-1.31)`."""
        return f"{self.middle:.2f} ({self.low:.2f}-{self.high:.2f})"


def spread(values: Iterable[float]) -> Spread:
    """The spread of `values`. Raises ValueError when there are none.

    >>> spread([3, 1, 2])
    Spread(low=1, middle=2, high=3)
    """
    listed = sorted(values)
    if not listed:
        raise ValueError("nothing was measured")
    return Spread(listed[0], statistics.median(listed), listed[-1])


@dataclass(frozen=True, slots=True)
class Measured:
    """All loads of a run; see bench/measure.py for what one holds."""

    loads: Sequence[dict[str, Any]]
    worker_memory_mib: dict[str, float]
    starts: Sequence[dict[str, Any]]
    variants: Sequence[dict[str, str]]

    def values(self, side: str, route: str, what: str) -> list[float]:
        """One figure of one side and route, in the order of the rounds."""
        return [
            float(load[what])
            for load in sorted(self.loads, key=lambda load: int(load["round"]))
            if (load["side"], load["route"]) == (side, route)
        ]

    def ratio(self, side: str, other: str, route: str) -> Spread:
        """Requests/s of `side`, as a multiple of `other`'s in the same round."""
        what = "requests_per_second"
        pairs = zip(self.values(side, route, what), self.values(other, route, what), strict=True)
        return spread(ours / theirs for ours, theirs in pairs)

    def best_peer(self, route: str) -> str:
        """The peer with the highest median on `route`, given Laravel's caches."""
        return max(PEERS, key=lambda peer: self.middle(peer, route, "requests_per_second"))

    def middle(self, side: str, route: str, what: str) -> float:
        """The median of one figure."""
        return spread(self.values(side, route, what)).middle


def title(measured: Measured, side: str) -> str:
    """What a side is called in tables."""
    titles = {each["name"]: each["title"] for each in measured.variants}
    return titles.get(side, "**Bakehouse**")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def routes_table(measured: Measured, route: str) -> str:
    """One route: every side, as a multiple of Debian's requests/s, with latency and CPU time."""
    head = ["", "requests/s, times Debian's", "p50, ms", "p99, ms", "CPU, ms/request", "failed"]

    def row(side: str) -> list[str]:
        def middle(what: str) -> float:
            return measured.middle(side, route, what)

        return [
            title(measured, side),
            str(measured.ratio(side, STOCK, route)),
            f"{middle('p50_ms'):.0f}",
            f"{middle('p99_ms'):.0f}",
            f"{middle('processor_ms'):.2f}",
            f"{sum(measured.values(side, route, 'failed')):.0f}",
        ]

    return table(head, map(row, ("bare", *PEERS, OURS)))


def starts_table(measured: Measured) -> str:
    """Memory of a worker, and the first page after PHP-FPM was restarted."""
    head = ["", "memory of a worker, MiB", "restart until ready, ms", "first page after it, ms"]

    def of(side: str, what: str) -> str:
        return f"{spread(s[what] for s in measured.starts if s['side'] == side).middle:.0f}"

    rows = (
        [
            title(measured, side),
            f"{measured.worker_memory_mib[side]:.1f}",
            of(side, "start_ms"),
            of(side, "first_ms"),
        ]
        for side in (*PEERS, OURS)
    )
    return table(head, rows)


def where_time_goes(measured: Measured) -> str:
    """Of our side: what of a request's CPU time is whose, in ms."""
    floor = measured.middle("floor", "floor", "processor_ms")
    plain, page, cached = (measured.middle(OURS, route, "processor_ms") for route in ROUTES)
    rows = [
        ("nginx, PHP-FPM and the socket between them (one `echo`)", floor),
        ("Laravel until it answers JSON: boot, routing, middleware", plain - floor),
        ("on top, session and cache in Redis over TLS", cached - plain),
        ("on top, session in Redis, twenty rows by Eloquent over TLS, Blade", page - plain),
    ]
    return table(["part", "CPU, ms"], ((name, f"{value:.2f}") for name, value in rows))


def summary(measured: Measured) -> str:
    """One line a route: ours against the best peer that has the same caches."""
    lines = []
    for route, meaning in ROUTES.items():
        best = measured.best_peer(route)
        lines.append(
            f"- {meaning}: {measured.ratio(OURS, best, route)} times the requests/s of the best "
            f"peer ({title(measured, best)}), {measured.ratio(OURS, 'bare', route)} times those of "
            "Debian without Laravel's caches."
        )
    return "\n".join(lines)


def plot(measured: Measured) -> str:
    """Requests/s by route, as a multiple of Debian's: an SVG."""
    chart = pygal.Bar(
        title="Requests/s, as a multiple of Debian's configuration (median)",
        x_labels=list(ROUTES.values()),
        legend_at_bottom=True,
        disable_xml_declaration=True,
        js=[],
        height=420,
        width=900,
        print_values=True,
        truncate_label=-1,
        value_formatter=lambda value: f"{value:.2f}",
    )
    for side in ("bare", *PEERS, OURS):
        name = title(measured, side).strip("*")
        chart.add(name, [measured.ratio(side, STOCK, route).middle for route in ROUTES])
    return str(chart.render(is_unicode=True))


PAGE = """\
# How fast a host is

Made by `make compare` ({rounds} interleaved rounds; how: [bench/README.md](../bench/README.md)).
Figures are medians; in brackets the lowest and the highest round. Compare them with each other and
with nothing else.

{summary}

![Requests/s by route](performance.svg)

{routes}

## Memory, and the first page

{starts}

## Where the time goes

{time}

## What the sides are

{sources}
"""


def page(measured: Measured) -> str:
    """The whole report."""
    routes = (
        f"## {meaning}\n\n{routes_table(measured, route)}" for route, meaning in ROUTES.items()
    )
    sources = ([each["title"], each["source"].strip()] for each in measured.variants)
    return PAGE.format(
        rounds=1 + max(int(load["round"]) for load in measured.loads),
        summary=summary(measured),
        routes="\n\n".join(routes),
        starts=starts_table(measured),
        time=where_time_goes(measured),
        sources=table(["side", "from"], sources),
    )


def main(argv: Sequence[str], say: Callable[[str], None] = print) -> int:
    """Write the report and its plot; says where."""
    if len(argv) != 2:
        say(f"wanted two words, found {len(argv)}")
        say("next: python bench/report.py build/compare.json docs")
        return 2
    measured = Measured(**json.loads(Path(argv[0]).read_text()))
    folder = Path(argv[1])
    (folder / "performance.svg").write_text(plot(measured))
    (folder / "performance.md").write_text(page(measured))
    say(f"wrote {folder}/performance.md:\n{summary(measured)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
