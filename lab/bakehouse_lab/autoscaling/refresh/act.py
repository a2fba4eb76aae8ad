"""The loop's part in a refresh: look at it, decide, write down what became of it, and tell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.notices import tell
from bakehouse_lab.autoscaling.refresh import model as m
from bakehouse_lab.autoscaling.refresh.decide import decide
from bakehouse_lab.autoscaling.refresh.records import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.model import Group, Member
    from bakehouse_lab.autoscaling.records import LabGroup
    from bakehouse_lab.autoscaling.refresh.records import RefreshRecord

log = logging.getLogger("bakehouse_lab")

ENDED = {
    m.SUCCESSFUL: "Succeeded",
    m.FAILED: "Failed",
    m.CANCELLED: "Cancelled",
    m.ROLLED_BACK: "Rollback Succeeded",
    m.ROLLBACK_FAILED: "Rollback Failed",
}


def plan(
    backend: LabAutoScalingBackend, record: RefreshRecord, group: Group, members: Sequence[Member]
) -> m.Plan:
    """What to do next for the refresh of a group."""
    alarms = alarm_states(backend, record.preferences.alarms)
    view = record.view(alarms, backend.stall_seconds)
    return decide(view, group, members, backend.clock())


def alarm_states(backend: LabAutoScalingBackend, names: Sequence[str]) -> dict[str, str]:
    """The state of each CloudWatch alarm; one that is not there has no data."""
    from moto.cloudwatch.models import cloudwatch_backends

    known = cloudwatch_backends[backend.account_id][backend.region_name].alarms
    return {
        name: known[name].state_value if name in known else "INSUFFICIENT_DATA" for name in names
    }


class Clerk:
    """Writes down what was decided for one refresh."""

    def __init__(
        self, backend: LabAutoScalingBackend, group: LabGroup, record: RefreshRecord
    ) -> None:
        """Write in `record`; hold the world's lock."""
        self._backend, self._group, self._record = backend, group, record
        self._now = backend.clock()

    def carry_out(self, plan: m.Plan) -> bool:
        """Write it all down; whether anything changed."""
        if plan.excused:
            self._record.progressed = max(self._record.progressed, self._now)
        for change in plan.changes:
            self._do(change)
        return bool(plan.changes)

    def _do(self, change: m.Change) -> None:
        record = self._record
        match change:
            case m.Begin():
                record.status = m.IN_PROGRESS
                record.begin(self._now)
                self._tell("Started")
            case m.Note():
                self._note(change)
            case m.Reach(percentage, of):
                self._reach(percentage, of)
            case m.FallBehind(reached):
                record.reached = reached
            case m.Bake():
                record.status, record.until = m.BAKING, self._now + record.preferences.bake
            case m.RollBack(reason):
                self.roll_back(reason)
            case m.End(status, reason):
                self._end(status, reason)

    def _note(self, note: m.Note) -> None:
        record = self._record
        record.progress = Progress(note.percentage, note.to_update, note.parts)
        record.reason = note.reason
        if note.nearness > record.best:
            record.best = note.nearness
            record.progressed = max(record.progressed, self._now)  # a rest may lie ahead

    def _reach(self, percentage: int, of: int) -> None:
        record, delay = self._record, self._record.preferences.delay
        record.reached, record.reached_of = percentage, of
        record.until = record.progressed = self._now + delay
        # Strings, as on AWS.
        self._tell(
            "Checkpoint Reached",
            CheckpointPercentage=str(percentage),
            CheckpointDelay=str(delay),
        )

    def roll_back(self, reason: str) -> None:
        """Turn the refresh round."""
        self._record.roll_back(reason, self._now)
        self._tell("Rollback Started")

    def _end(self, status: str, reason: str) -> None:
        record = self._record
        record.status, record.reason, record.ended = status, reason, self._now
        if status == m.SUCCESSFUL:
            if max(record.preferences.checkpoints, default=100) == 100:
                whole = record.progress.parts and m.Parts((100, 0), (100, 0))
                record.progress = Progress(100, 0, whole)
            if record.desired:
                self._group.adopt(record.desired["LaunchTemplate"])
        self._group.renewing = 0
        self._tell(ENDED[status])

    def _tell(self, what: str, **more: str) -> None:
        """Put an event of this refresh on the bus."""
        log.info("group %s: instance refresh: %s %s", self._group.name, what, self._record.reason)
        detail = {
            "InstanceRefreshId": self._record.id,
            "AutoScalingGroupName": self._group.name,
            **more,
        }
        tell(self._backend, self._group, f"EC2 Auto Scaling Instance Refresh {what}", detail)
