"""The loop of ELB: look at targets and at haproxies, and bring both to what the records say.

An API call is followed at the next step, which it kicks. Slow work (containers, reloads) is an
errand; which server gets requests is told to haproxy in the step itself, in milliseconds.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakehouse_lab.elb import describe, health, probe, slots
from bakehouse_lab.elb.backend import used
from bakehouse_lab.elb.haproxy import KIND, DidNotTakeOver, Haproxy
from bakehouse_lab.loop import Loop
from bakehouse_lab.podman import PodmanFailed
from bakehouse_lab.world import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bakehouse_lab.elb.backend import Key
    from bakehouse_lab.elb.describe import Wanted
    from bakehouse_lab.elb.health import Check, Outcome
    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Seen

log = logging.getLogger("bakehouse_lab")

INTERVAL_SECONDS = 0.25  # the clock of health checks
LOOK_AROUND_SECONDS = 10.0  # how often podman is asked, when no container is missed
RETRY_SECONDS = 5.0  # after a container or a reload that failed
PROBES = 32  # at once: a target that does not answer keeps one busy for its timeout


@dataclass(slots=True)
class _Held:
    """What a load balancer holds as long as its container may be there."""

    record: Any
    subnet: Any
    ip: str
    haproxy: Haproxy
    place: int
    seen: Seen | None = None
    retry_at: float = 0
    refused: str = ""  # digest of the configuration that haproxy did not take


@dataclass(slots=True)
class Balancers:
    """Keeps all load balancers of one lab."""

    lab: Lab
    loop: Loop = field(init=False)
    _held: dict[str, _Held] = field(default_factory=dict)  # by ARN
    _looked_around: float = 0
    _probing: set[Key] = field(default_factory=set)
    _probes: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(PROBES, thread_name_prefix="probe")
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Make the loop; nothing runs before it is started."""
        self.loop = Loop("elb", self.step, INTERVAL_SECONDS)

    def step(self) -> None:
        """Look at everything once."""
        self._look_around()
        with self.lab.world.lock:
            store = self.lab.world.backend("elbv2")
            wanted = {
                arn: describe.wanted(store, record, self._hold(record).ip)
                for arn, record in store.load_balancers.items()
            }
            drained = store.forget_drained(time.time())
            due = self._due(store)
        for name in drained:
            log.info("target %s: drained", name)
        for key, ip, port, check, netns in due:
            self._probes.submit(self._look, key, ip, port, check, netns)
        for arn, held in list(self._held.items()):
            if self.lab.errands.busy(held.haproxy.container):
                continue
            if arn in wanted:
                self._keep(held, wanted[arn])
            else:
                self._errand(held, partial(self._drop, arn, held))
        if drained:
            self.lab.kick()

    def running(self) -> list[tuple[Any, Haproxy]]:
        """Each load balancer that runs, and its haproxy."""
        return [(held.record, held.haproxy) for held in list(self._held.values()) if held.seen]

    # -- containers

    def _look_around(self) -> None:
        """Ask podman, when it is time or when a container that was there is not any more."""
        lost = any(
            held.seen and not Path(f"/proc/{held.seen.pid}").exists()
            for held in list(self._held.values())
        )
        if not lost and time.monotonic() < self._looked_around + LOOK_AROUND_SECONDS:
            return
        self._looked_around = time.monotonic()
        changing = self.lab.errands.under_way()  # of those this look may be old when it is read
        seen = {each.id: each for each in self.lab.podman.list(KIND)}
        for arn, held in list(self._held.items()):
            if held.haproxy.container in changing:
                continue
            found = seen.get(arn)
            held.seen = found if found and found.running else None
        for arn in seen.keys() - self._held.keys():
            if seen[arn].name in changing:
                continue
            log.warning("%s: left behind by an earlier run of the lab, removing it", arn)
            self.lab.podman.remove(seen[arn].name)

    def _hold(self, record: Any) -> _Held:
        """An address in its first subnet, and a place among the published ports."""
        held = self._held.get(record.arn)
        if held is None:
            subnet = record.subnets[0]
            places = {each.place for each in self._held.values()}
            held = _Held(
                record,
                subnet,
                subnet.get_available_subnet_ip(record),
                Haproxy(self.lab, record.name),
                next(place for place in range(len(places) + 1) if place not in places),
            )
            self._held[record.arn] = held
        self.lab.world.claim(
            Address(
                held.ip,
                record.arn,
                record.vpc_id,
                tuple(record.security_groups),
                held.haproxy.container,
            )
        )
        return held

    def _keep(self, held: _Held, wanted: Wanted) -> None:
        """Bring one haproxy to what is wanted: container, rules, servers."""
        if held.seen is None:
            if time.monotonic() >= held.retry_at:
                self._errand(held, lambda: self._launch(held, wanted))
            return
        loaded = held.haproxy.loaded()
        if loaded is None:
            return  # it died just now, or it is taking over from itself
        digest = wanted.balancer.digest
        again = held.refused != digest or time.monotonic() >= held.retry_at
        if loaded != digest and again:
            self._errand(held, lambda: self._reload(held, wanted))
            return
        now = held.haproxy.servers()
        for name, targets in wanted.targets.items():
            have = now.get(name, [])
            held.haproxy.tell(list(slots.commands(name, have, slots.assign(have, targets))))

    def _launch(self, held: _Held, wanted: Wanted) -> None:
        began = time.monotonic()
        try:
            held.haproxy.launch(wanted, held.place)
        except (PodmanFailed, DidNotTakeOver) as failed:
            held.retry_at = time.monotonic() + RETRY_SECONDS
            log.error("load balancer %s: not started: %s", wanted.name, failed)
            return
        held.seen = self.lab.podman.seen(held.haproxy.container)
        with self.lab.world.lock:
            held.record.state = "active"
        port = self.lab.settings.http_port + held.place
        took = time.monotonic() - began
        log.info("load balancer %s: http://127.0.0.1:%d (%.2f s)", wanted.name, port, took)

    def _reload(self, held: _Held, wanted: Wanted) -> None:
        began = time.monotonic()
        try:
            held.haproxy.reload(wanted)
        except (PodmanFailed, DidNotTakeOver) as failed:
            held.refused = wanted.balancer.digest
            held.retry_at = time.monotonic() + RETRY_SECONDS
            log.error("load balancer %s: still as before: %s", wanted.name, failed)
            return
        held.refused = ""
        log.info("load balancer %s: reloaded (%.2f s)", wanted.name, time.monotonic() - began)

    def _drop(self, arn: str, held: _Held) -> None:
        if arn not in self._held:
            return  # done by the errand that ended while the step looked
        held.haproxy.remove()
        with self.lab.world.lock:
            self.lab.world.release(arn)
            held.subnet.del_subnet_ip(held.ip)
            del self._held[arn]
        log.info("load balancer %s: removed", held.record.name)

    def _errand(self, held: _Held, errand: Callable[[], None]) -> None:
        self.lab.errands.run(held.haproxy.container, errand, then=self.lab.kick)

    # -- health

    def _due(self, store: Any) -> list[tuple[Key, str, int, Check, str]]:
        """The targets to look at now; hold the world's lock."""
        now, due = time.time(), []
        for group, netns in self._checked(store).values():
            check = describe.check(group)
            for name, target in group.targets.items():
                key = (group.arn, name)
                if store.known(group, name).state == health.UNUSED:
                    # Not running: when it comes back it is new.
                    store.health[key] = health.registered(now)
                    continue
                ip = store.address(name)
                if ip and store.health[key].due <= now and self._begin(key):
                    due.append((key, ip, int(target["Port"]), check, netns))
        return due

    def _checked(self, store: Any) -> Mapping[str, tuple[Any, str]]:
        """The groups that a running balancer uses, and the namespace to look from."""
        return {
            arn: (store.target_groups[arn], held.seen.netns)
            for held in self._held.values()
            if held.seen and held.record.arn in store.load_balancers
            for arn in used(held.record)
            if arn in store.target_groups
        }

    def _begin(self, key: Key) -> bool:
        with self._lock:
            if key in self._probing:
                return False
            self._probing.add(key)
            return True

    def _look(self, key: Key, ip: str, port: int, check: Check, netns: str) -> None:
        try:
            outcome = probe.look(ip, port, check, netns)
            with self.lab.world.lock:
                self._note(key, outcome, check)
        finally:
            with self._lock:
                self._probing.discard(key)

    def _note(self, key: Key, outcome: Outcome, check: Check) -> None:
        store = self.lab.world.backend("elbv2")
        before = store.health.get(key)
        if before is None:
            return
        after = store.health[key] = health.looked(before, outcome, check, time.time())
        if after.state != before.state:
            log.info("target %s: %s -> %s %s", key[1], before.state, after.state, after.reason)
            self.lab.kick()
