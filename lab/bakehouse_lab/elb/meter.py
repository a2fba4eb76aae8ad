"""The loop that tells CloudWatch what goes through the load balancers.

An ALB tells once a minute; here it is every ten seconds, so that nobody waits that long at a desk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bakehouse_lab.elb import describe, health, traffic
from bakehouse_lab.elb.backend import used
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from bakehouse_lab.elb.controller import Balancers
    from bakehouse_lab.lab import Lab

SECONDS = 10.0


@dataclass(slots=True)
class Meter:
    """Reads the counters of all load balancers of one lab."""

    lab: Lab
    balancers: Balancers
    loop: Loop = field(init=False)
    _seen: dict[str, traffic.Counters] = field(default_factory=dict)  # by ARN
    _due: float = 0

    def __post_init__(self) -> None:
        """Make the loop; nothing runs before it is started."""
        self.loop = Loop("elb meter", self.step, SECONDS)

    def step(self) -> None:
        """Look at everything once, when it is time."""
        if time.monotonic() < self._due:
            return  # kicked because something else changed
        self._due = time.monotonic() + SECONDS
        running = self.balancers.running()
        now = {record.arn: traffic.read(haproxy.counters()) for record, haproxy in running}
        with self.lab.world.lock:
            for record, _ in running:
                arn = record.arn
                if arn in self._seen:
                    self._tell(record, traffic.between(self._seen[arn], now[arn]))
                # A worker that was too busy to answer is not new the next time.
                self._seen[arn] = self._seen.get(arn, {}) | now[arn]

    def _tell(self, record: Any, passed: dict[str, traffic.Passed]) -> None:
        store = self.lab.world.backend("elbv2")
        groups = [store.target_groups[arn] for arn in used(record) if arn in store.target_groups]
        labels = {describe.name(group): group.arn.rpartition(":")[2] for group in groups}
        data = traffic.metrics(
            record.arn.partition(":loadbalancer/")[2],
            {labels.get(backend, ""): one for backend, one in passed.items()},
            {labels[describe.name(group)]: _well(store, group) for group in groups},
        )
        self.lab.world.backend("cloudwatch").put_metric_data(traffic.NAMESPACE, data)


def _well(store: Any, group: Any) -> tuple[int, int]:
    """How many targets are healthy, and how many are not."""
    states = [store.known(group, name).state for name in group.targets]
    return states.count(health.HEALTHY), states.count(health.UNHEALTHY)
