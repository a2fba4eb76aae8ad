"""What the lab writes down of an instance refresh."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bakehouse_lab.autoscaling.refresh import model as m

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse_lab.autoscaling.refresh.model import Preferences

# How long AWS still describes one.
KEPT_SECONDS = 6 * 7 * 86400


@dataclass(slots=True)
class Progress:
    """How far it is, as the API shows it."""

    percentage: int = 0
    to_update: int = 0
    parts: m.Parts | None = None

    def shown(self) -> dict[str, int]:
        """The numbers of the whole."""
        return _progress((self.percentage, self.to_update))

    def details(self) -> dict[str, dict[str, int]] | None:
        """The numbers of the group and of its warm pool, where it has one."""
        if self.parts is None:
            return None
        live, pool = _progress(self.parts.live), _progress(self.parts.pool)
        return {"LivePoolProgress": live, "WarmPoolProgress": pool}


@dataclass(slots=True)
class Rollback:
    """Why and when it turned back, and how far it was."""

    reason: str
    began: float
    at: Progress

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        said = {
            "RollbackReason": self.reason,
            "RollbackStartTime": _time(self.began),
            "PercentageCompleteOnRollback": self.at.percentage,
            "InstancesToUpdateOnRollback": self.at.to_update,
            "ProgressDetailsOnRollback": self.at.details(),
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(slots=True)
class RefreshRecord:
    """One refresh of one group. `asked` is when the call came, `began` when the work began."""

    group: str
    preferences: Preferences
    desired: Mapping[str, Any] | None  # DesiredConfiguration, as given
    version: Any  # the launch template's that it starts instances from; None: the group's own
    asked: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = m.PENDING
    reason: str = ""
    began: float | None = None
    ended: float | None = None
    progress: Progress = field(default_factory=Progress)
    rollback: Rollback | None = None
    phase: float = 0  # since when it replaces, or rolls back
    progressed: float = 0
    best: int = -(10**6)
    until: float = 0
    reached: int = 0
    reached_of: int = 0
    settles: bool = True

    @property
    def active(self) -> bool:
        """It is not over."""
        return self.status in m.ACTIVE

    @property
    def forward(self) -> bool:
        """The group starts what this refresh wants."""
        return self.status in m.FORWARD

    def view(self, alarms: Mapping[str, str], stall: float) -> m.Refresh:
        """As `decide` sees it."""
        return m.Refresh(
            self.preferences,
            self.status,
            self.phase,
            self.progressed,
            self.best,
            self.until,
            self.reached,
            self.reached_of,
            self.progress.percentage,
            self.progress.to_update,
            self.progress.parts,
            self.reason,
            alarms,
            self.settles,
            stall,
        )

    def roll_back(self, reason: str, now: float) -> None:
        """Turn round."""
        at = replace(self.progress)
        self.rollback = Rollback(reason, now, at)
        self.status, self.reason = m.ROLLING_BACK, ""
        self.begin(now)

    def begin(self, now: float) -> None:
        """Work from now on."""
        self.began = now if self.began is None else self.began
        self.phase = self.progressed = now
        self.best, self.until = -(10**6), 0

    def shown(self) -> dict[str, Any]:
        """As DescribeInstanceRefreshes answers; what is not known yet is not there."""
        said: dict[str, Any] = {
            "InstanceRefreshId": self.id,
            "AutoScalingGroupName": self.group,
            "Status": self.status,
            "StatusReason": self.reason or None,
            "Preferences": preferences(self.preferences),
            "DesiredConfiguration": self.desired,
            "Strategy": "Rolling",
            "EndTime": _time(self.ended),
        }
        if self.began is not None:
            said |= {"StartTime": _time(self.began), **self.progress.shown()}
            said["ProgressDetails"] = self.progress.details()
        if self.rollback:
            said["RollbackDetails"] = self.rollback.shown()
        return {name: value for name, value in said.items() if value is not None}


def preferences(of: Preferences) -> dict[str, Any]:
    """Preferences as the API shows them, with the defaults that were taken."""
    said: dict[str, Any] = {
        "MinHealthyPercentage": of.least,
        "MaxHealthyPercentage": of.most,
        "InstanceWarmup": of.warmup,
        "SkipMatching": of.skip_matching,
        "AutoRollback": of.auto_rollback,
        "ScaleInProtectedInstances": of.protected,
        "StandbyInstances": of.standby,
        "AlarmSpecification": {"Alarms": list(of.alarms)} if of.alarms else {},
        "BakeTime": of.bake,
    }
    if of.checkpoints:
        said |= {"CheckpointPercentages": list(of.checkpoints), "CheckpointDelay": of.delay}
    return {name: value for name, value in said.items() if value is not None}


def _progress(of: tuple[int, int]) -> dict[str, int]:
    return {"PercentageComplete": of[0], "InstancesToUpdate": of[1]}


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
