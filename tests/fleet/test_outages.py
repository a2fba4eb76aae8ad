"""A database or a cache that goes away: visitors are soon told, and nobody has to act after it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fleet.visitors import Visitors, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running_lab import RunningLab

pytestmark = pytest.mark.timeout(1800)  # the first test that asks for it waits for the bake

FAILS_WITHIN = 5.0  # seconds, for each visitor
BACK_WITHIN = 30.0  # seconds from when the store answers again

DATABASE, CACHE = "rds-staging-db", "cache-staging-redis-001"


@dataclass(frozen=True, slots=True)
class Store:
    """A database or a cache of the lab, by the container that runs it."""

    lab: RunningLab
    what: str

    @property
    def name(self) -> str:
        return f"{self.lab.settings.prefix}-{self.what}"

    def signal(self, number: str) -> None:
        self.lab.run("podman", "kill", f"--signal={number}", self.name)

    def runs(self) -> bool:
        return self.name in self.lab.run("podman", "ps", "--format={{.Names}}").stdout.split()


def see_an_outage(
    lab: RunningLab,
    end: Callable[[], object],
    begin: Callable[[], object],
    eventually: Callable[..., None],
) -> None:
    """`end` a store, see what visitors get; `begin` it (returns when it answers), see them back."""

    def all_serve() -> bool:
        return all(visit(lab.url).status == 200 for _ in range(6))

    eventually(all_serve)
    with Visitors(lab.url) as visitors:
        end()
        eventually(lambda: len(visitors.failed) > 5, seconds=30)
        health = [visit(f"{lab.url}/health") for _ in range(4)]
    assert {each.status for each in health} == {200}, health
    busy = max(each.seconds for each in health)  # what this machine adds to any answer just now
    assert busy < 2, health
    assert {each.status for each in visitors.failed} == {503}, str(visitors)
    assert max(each.seconds for each in visitors.failed) < FAILS_WITHIN + busy, str(visitors)
    begin()
    began = time.monotonic()
    eventually(all_serve, seconds=BACK_WITHIN)
    back = time.monotonic() - began
    sys.stdout.write(f"away: {visitors}; all hosts back after {back:.1f} s\n")


def test_a_database_that_is_stopped_and_started_needs_nobody(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    """Break: PDO::ATTR_TIMEOUT => 30 in the application's config/database.php, and deploy; or take
    --mac-address out of bakehouse_lab/podman.py: back after 44 s.
    """
    rds = converged.client("rds")

    def status() -> str:
        found = rds.describe_db_instances(DBInstanceIdentifier="staging-db")["DBInstances"][0]
        return str(found["DBInstanceStatus"])

    def stop() -> None:
        rds.stop_db_instance(DBInstanceIdentifier="staging-db")
        eventually(lambda: status() == "stopped")

    def start() -> None:
        rds.start_db_instance(DBInstanceIdentifier="staging-db")
        eventually(lambda: status() == "available")

    see_an_outage(converged, stop, start, eventually)


def test_a_cache_that_dies_needs_nobody(
    converged: RunningLab, eventually: Callable[..., None]
) -> None:
    """Break: keep the client of a cache that was lost ('persistent' without a check)."""
    cache = Store(converged, CACHE)
    see_an_outage(
        converged, lambda: cache.signal("KILL"), lambda: eventually(cache.runs), eventually
    )


@pytest.mark.parametrize("what", [DATABASE, CACHE])
def test_a_store_that_takes_connections_and_says_nothing_is_soon_given_up(
    converged: RunningLab, what: str, eventually: Callable[..., None]
) -> None:
    """Break: take ini_set() out of app/Database/ConnectOnce.php, and deploy: it waits for ever; or
    the ErrorException out of app/Readiness/Trouble.php: 500 for a handshake that never ends.
    """
    store = Store(converged, what)
    try:
        see_an_outage(
            converged, lambda: store.signal("STOP"), lambda: store.signal("CONT"), eventually
        )
    finally:
        store.signal("CONT")
