"""Figures as a table for a person, a line for systemd, JSON for a program, StatsD for the agent."""

import json
from collections.abc import Iterator, Mapping

from host_metrics import figures
from host_metrics.look import Host


def text(value: float) -> str:
    """A figure as a person reads it.

    >>> text(12.0), text(99.87), text(41.04)
    ('12', '99.9', '41')
    """
    return f"{value:.1f}".removesuffix(".0")


def table(host: Host) -> str:
    """A column for each site, a row for each figure; what the host alone has comes last."""
    sites = {seen.site: figures.of_site(seen) for seen in host.sites}
    names = sorted({name for found in sites.values() for name in found})
    rows = [["figure", *sites]]
    rows += [
        [name, *(text(found[name]) if name in found else "-" for found in sites.values())]
        for name in names
    ]
    rows += [[name, text(value)] for name, value in sorted(host.reported.items())]
    lines = [_row(row, [max(len(r[0]) for r in rows), 9]) for row in rows]
    return "\n".join([*lines, *(f"! {trouble}" for trouble in figures.troubles(host))])


def _row(cells: list[str], widths: list[int]) -> str:
    first, *others = cells
    return "  ".join([f"{first:{widths[0]}}", *(f"{cell:>{widths[1]}}" for cell in others)])


def line(host: Host) -> str:
    """One line, as `systemctl status` shows it."""
    said = [f"{seen.site}: {_in_short(figures.of_site(seen))}" for seen in host.sites]
    said = [
        f"{seen.site}: PHP-FPM IS AWAY" if isinstance(seen.fpm, str) else short
        for seen, short in zip(host.sites, said, strict=True)
    ]
    return "; ".join(said) or "no site is named"


def _in_short(found: Mapping[str, float]) -> str:
    return ", ".join(_parts(found))


def _parts(found: Mapping[str, float]) -> Iterator[str]:
    if "php_fpm_active" in found:
        workers = found["php_fpm_active"] + found["php_fpm_idle"]
        yield f"{text(found['php_fpm_active'])} of {text(workers)} workers busy"
    for name, words in (
        ("php_fpm_listen_queue", "{} waiting"),
        ("opcache_memory_percent", "OPcache {} % full"),
        ("opcache_hit_rate", "{} % hits"),
        ("queue_jobs", "{} jobs queued"),
    ):
        if name in found:
            yield words.format(text(found[name]))


def as_json(host: Host) -> str:
    """All of it, for a program."""
    return json.dumps(
        {
            "host": figures.of_host(host),
            "sites": {seen.site: figures.of_site(seen) for seen in host.sites},
            "troubles": [str(trouble) for trouble in figures.troubles(host)],
        },
        indent=2,
    )


def statsd(now: Mapping[str, float], before: Mapping[str, float]) -> bytes:
    """What the agent's StatsD listener is sent: levels as gauges, growth as counters.

    >>> statsd({"queue_jobs": 3.0, "opcache_restarts": 2.0}, {"opcache_restarts": 2.0})
    b'queue_jobs:3|g\\nopcache_restarts:0|c'
    """
    levels = {name: value for name, value in now.items() if name not in figures.GROWING}
    grown = figures.grown(now, before)
    lines = [f"{name}:{_number(value)}|g" for name, value in levels.items()]
    lines += [f"{name}:{_number(value)}|c" for name, value in grown.items()]
    return "\n".join(lines).encode()


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
