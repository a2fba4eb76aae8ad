"""How much of a host PHP-FPM may use: the arithmetic behind `pm.max_children`, and nothing else.

The host does the same sum for itself at every boot (`php-fpm-workers` in roles/php_fpm), because
one image serves many instance types. Here it is for those who plan; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# What PHP-FPM needs once, whatever the number of workers, MiB: its master, and the realpath and
# scoreboard memory they share (measured: 10 to 16).
MASTER_MIB = 16

# What a worker weighs between two requests, MiB, its share of OPcache not counted (measured 2.6,
# up to 4).
IDLE_WORKER_MIB = 4


@dataclass(frozen=True, slots=True)
class Demand:
    """What the workers must leave to others, and what each may take."""

    reserve_mib: int
    opcache_mib: int
    request_mib: int
    workers_per_processor: int


@dataclass(frozen=True, slots=True)
class Site:
    """One site of a host: its share of what all have, or a number of workers that is fixed."""

    name: str
    weight: int = 1
    count: int = 0  # 0: by weight


def workers_for_each(
    memory_mib: int, processors: int, demand: Demand, sites: Sequence[Site]
) -> dict[str, int]:
    """How many workers each site of a host may run, so that together they fit.

    Each site has a master and an OPcache of its own, which come off first; then those whose number
    is fixed; the rest is shared by weight. Never below 1.

    Raises ValueError like `workers_for`, and when a weight is not positive.

    >>> usual = Demand(reserve_mib=256, opcache_mib=192, request_mib=32, workers_per_processor=32)
    >>> workers_for_each(2048, 2, usual, [Site("app")])
    {'app': 44}
    >>> workers_for_each(2048, 2, usual, [Site("app", 3), Site("shop", 1), Site("old", count=2)])
    {'app': 22, 'shop': 7, 'old': 2}
    """
    each = IDLE_WORKER_MIB + demand.request_mib
    shared = [site for site in sites if not site.count]
    weights = sum(site.weight for site in shared)
    if min([each, processors, demand.workers_per_processor, *(s.weight for s in shared)]) < 1:
        raise ValueError(
            f"a worker of {each} MiB, {processors} processors with "
            f"{demand.workers_per_processor} workers each, weights that add up to {weights}: "
            "all must be positive"
        )
    fixed = sum(site.count for site in sites)
    room = memory_mib - demand.reserve_mib - len(sites) * (demand.opcache_mib + MASTER_MIB)
    room -= fixed * each
    most = processors * demand.workers_per_processor
    return {
        site.name: site.count
        or max(1, min(room * site.weight // weights // each, most * site.weight // weights))
        for site in sites
    }


def workers_for(memory_mib: int, processors: int, demand: Demand) -> int:
    """How many PHP-FPM workers a host of this size can run without ever swapping.

    `memory_mib` is the smaller of the machine's memory and its control group's limit. Rounds down,
    because a worker that does not fit is swapped; never below 1, because a host without a worker
    answers nothing; never above `workers_per_processor` for each processor, because there more
    workers only fight for the processor and for the database's connections.

    Raises ValueError when a worker would weigh nothing or there is no processor.

    >>> usual = Demand(reserve_mib=256, opcache_mib=192, request_mib=32, workers_per_processor=32)
    >>> {gib: workers_for(gib * 1024, 2, usual) for gib in (1, 2, 4)}
    {1: 15, 2: 44, 4: 64}
    >>> workers_for(512, 2, usual)
    1
    """
    return workers_for_each(memory_mib, processors, demand, [Site("the only one")])["the only one"]
