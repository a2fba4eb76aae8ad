"""From answers to figures, each with a name that CloudWatch, a person and an alarm use alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from host_metrics.look import Answer, Host, Seen

# How figures of several sites become the host's one.
SUM, LEAST, MOST = sum, min, max

# What grows as long as PHP-FPM lives; what is handed over is by how much since the last time.
GROWING = frozenset({"php_fpm_max_children_reached", "php_fpm_slow_requests", "opcache_restarts"})

HOW = {
    "opcache_hit_rate": LEAST,
    "opcache_memory_percent": MOST,
    "opcache_strings_percent": MOST,
}


@dataclass(frozen=True)
class Trouble:
    """A part of a site that has no figures, and why."""

    site: str
    part: str
    why: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.site}: {self.part}: {self.why}"


def of_site(seen: Seen) -> dict[str, float]:
    """All figures of a site; what is not known is left out, never made 0."""
    found: dict[str, float] = {}
    if not isinstance(seen.fpm, str):
        found |= _fpm(seen.fpm, seen.waiting)
    if not isinstance(seen.opcache, str):
        found |= _opcache(seen.opcache)
    if isinstance(seen.queue, dict) and "jobs" in seen.queue:
        found["queue_jobs"] = sum(seen.queue["jobs"].values())
    return found


def _fpm(said: Mapping[str, Any], waiting: int | None) -> dict[str, float]:
    full = said["idle processes"] == 0 and said["process manager"] == "static"
    found = {
        "php_fpm_active": said["active processes"],
        "php_fpm_idle": said["idle processes"],
        # A pool of a fixed size never "reaches" it in PHP-FPM's eyes; it is reached all the same.
        "php_fpm_max_children_reached": said["max children reached"] + full,
        "php_fpm_slow_requests": said["slow requests"],
    }
    return found if waiting is None else found | {"php_fpm_listen_queue": waiting}


def _opcache(said: Mapping[str, Any]) -> dict[str, float]:
    memory, strings = said["memory_usage"], said.get("interned_strings_usage")
    counts = said["opcache_statistics"]
    room = memory["used_memory"] + memory["free_memory"] + memory["wasted_memory"]
    found = {
        "opcache_memory_percent": _percent(room - memory["free_memory"], room),
        "opcache_restarts": sum(counts[f"{why}_restarts"] for why in ("oom", "hash", "manual")),
    }
    if asked := counts["hits"] + counts["misses"]:
        found["opcache_hit_rate"] = _percent(counts["hits"], asked)
    if strings:
        found["opcache_strings_percent"] = _percent(strings["used_memory"], strings["buffer_size"])
    return found


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2)


def of_host(host: Host) -> dict[str, float]:
    """The host's figures: those of its sites together, and what other programs report."""
    sites = [of_site(seen) for seen in host.sites]
    names = {name for site in sites for name in site}
    found = {
        name: float(HOW.get(name, SUM)(site[name] for site in sites if name in site))
        for name in sorted(names)
    }
    found["php_fpm_away"] = float(sum(isinstance(seen.fpm, str) for seen in host.sites))
    return found | dict(host.reported)


def troubles(host: Host) -> list[Trouble]:
    """Everything that has no figures though it should."""
    return [
        Trouble(seen.site, part, why)
        for seen in host.sites
        for part, why in (
            ("PHP-FPM is away", seen.fpm),
            ("OPcache is not known", seen.opcache),
            ("the queue is not known", _why_no_jobs(seen)),
        )
        if isinstance(why, str) and why != "not asked" and not _follows(part, seen)
    ]


def _why_no_jobs(seen: Seen) -> Answer:
    if isinstance(seen.queue, str) or "jobs" in seen.queue:
        return seen.queue
    return f"the application failed with {seen.queue.get('error', 'an answer without jobs')}"


def _follows(part: str, seen: Seen) -> bool:
    """Whether a trouble is only what an absent PHP-FPM brings with it."""
    return isinstance(seen.fpm, str) and not part.startswith("PHP-FPM")


def grown(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """By how much each growing figure has grown; what was restarted began at 0 again.

    >>> grown({"opcache_restarts": 3}, {"opcache_restarts": 1}), grown({"opcache_restarts": 1}, {})
    ({'opcache_restarts': 2}, {'opcache_restarts': 0})
    >>> grown({"opcache_restarts": 1}, {"opcache_restarts": 5})
    {'opcache_restarts': 1}
    """
    return {
        name: value - before.get(name, value) if value >= before.get(name, 0) else value
        for name, value in now.items()
        if name in GROWING
    }


def sites_away(host: Host) -> Iterable[str]:
    """The sites whose PHP-FPM does not answer."""
    return [seen.site for seen in host.sites if isinstance(seen.fpm, str)]
