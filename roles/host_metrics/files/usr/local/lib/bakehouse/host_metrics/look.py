"""All questions at once, each with a deadline: what one host has to say now."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_metrics import backlog
from host_metrics.fastcgi import Silent, ask

SCRIPTS = Path(__file__).parent

Answer = Mapping[str, Any] | str  # what was answered, or in one sentence why nothing was


@dataclass(frozen=True)
class Site:
    """One PHP-FPM: where it listens, where it answers about itself, what it runs."""

    name: str
    socket: Path
    status: Path
    release: Path
    queues: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What a site said."""

    site: str
    fpm: Answer
    opcache: Answer
    queue: Answer
    waiting: int | None = None  # connections that no worker has accepted yet


@dataclass(frozen=True)
class Host:
    """What a host said: its sites, and what other programs on it report."""

    sites: tuple[Seen, ...]
    reported: Mapping[str, float] = field(default_factory=dict)


def at(sites: tuple[Site, ...], reports: Path, seconds: float, with_queues: bool) -> Host:
    """Ask everything; no answer is waited for longer than `seconds`."""
    with ThreadPoolExecutor(3 * len(sites) or 1) as pool:
        asked = [
            (
                site,
                pool.submit(_fpm, site, seconds),
                pool.submit(_script, site, "opcache.php", seconds),
                pool.submit(_script, site, "queue.php", seconds) if with_queues else None,
            )
            for site in sites
        ]
        waiting = backlog.waiting()
        seen = [
            Seen(
                site.name,
                fpm.result(),
                opcache.result(),
                queue.result() if queue and site.queues else "not asked",
                waiting.get(str(site.socket)),
            )
            for site, fpm, opcache, queue in asked
        ]
    return Host(tuple(seen), dict(reported(reports)))


def _fpm(site: Site, seconds: float) -> Answer:
    return _asked(site, {"SCRIPT_NAME": "/status", "SCRIPT_FILENAME": "/status"}, seconds)


def _script(site: Site, name: str, seconds: float) -> Answer:
    path = str(SCRIPTS / name)
    more = {"RELEASE": str(site.release), "QUEUES": ",".join(site.queues)}
    return _asked(site, {"SCRIPT_NAME": path, "SCRIPT_FILENAME": path, **more}, seconds)


def _asked(site: Site, params: Mapping[str, str], seconds: float) -> Answer:
    """A site's answer, or why there is none."""
    try:
        said = ask(site.status, {"QUERY_STRING": "json", **params}, seconds)
    except Silent as silent:
        return str(silent)
    try:
        answer = json.loads(said)
    except ValueError:
        return f"an answer that is no JSON: {said[:60].decode(errors='replace')!r}"
    return answer if isinstance(answer, dict) else "switched off"


def reported(folder: Path) -> Iterator[tuple[str, float]]:
    """What other programs left for us: files in a folder, with `name value` on each line."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            name, _, value = line.strip().partition(" ")
            try:
                yield name, float(value)
            except ValueError:
                continue
