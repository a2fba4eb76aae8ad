"""The lab's CloudWatch, as the agent speaks to it: the API alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from bakehouse_lab.cli.account import client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bakehouse_lab.agent_standin.configuration import Destination
    from bakehouse_lab.agent_standin.events import Event
    from bakehouse_lab.settings import Settings

# One call's limits: PutLogEvents counts 26 bytes more for each event, and takes a day at most.
MOST_EVENTS, MOST_BYTES, OVERHEAD_BYTES, MOST_SECONDS = 10_000, 1_048_576, 26, 86_400
MOST_METRICS = 1000


class CloudWatch:
    """One host's way to the logs and metrics of the lab."""

    def __init__(self, settings: Settings, logs: Any = None, metrics: Any = None) -> None:
        """Clients that are not given are made when there is something to ship."""
        self._settings = settings
        self._made: set[Destination] = set()
        self._logs, self._metrics = logs, metrics

    def put_events(self, to: Destination, events: Sequence[Event]) -> None:
        """Ship events in the order of their times; makes the group and the stream.

        Also again, when somebody has deleted them, as the agent does.
        """
        self._logs = self._logs or client(self._settings, "logs")
        if to not in self._made:
            self._make(to)
        for batch in batches(events):
            try:
                self._put(to, batch)
            except self._logs.exceptions.ResourceNotFoundException:
                self._make(to)
                self._put(to, batch)

    def _put(self, to: Destination, batch: Sequence[Event]) -> None:
        told = [{"timestamp": int(one.time * 1000), "message": one.text} for one in batch]
        self._logs.put_log_events(logGroupName=to.group, logStreamName=to.stream, logEvents=told)

    def put_metrics(self, namespace: str, data: Sequence[dict[str, Any]]) -> None:
        """Ship figures."""
        self._metrics = self._metrics or client(self._settings, "cloudwatch")
        for start in range(0, len(data), MOST_METRICS):
            self._metrics.put_metric_data(
                Namespace=namespace, MetricData=data[start : start + MOST_METRICS]
            )

    def _make(self, to: Destination) -> None:
        there = self._logs.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(there):
            self._logs.create_log_group(logGroupName=to.group)
        if to.days:
            self._logs.put_retention_policy(logGroupName=to.group, retentionInDays=to.days)
        with contextlib.suppress(there):
            self._logs.create_log_stream(logGroupName=to.group, logStreamName=to.stream)
        self._made.add(to)


def batches(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events by time, in pieces that one call may carry."""
    batch: list[Event] = []
    size = 0
    for event in sorted(events, key=lambda one: one.time):
        own = len(event.text.encode()) + OVERHEAD_BYTES
        late = batch and event.time - batch[0].time > MOST_SECONDS
        if batch and (late or len(batch) == MOST_EVENTS or size + own > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += own
    if batch:
        yield batch
