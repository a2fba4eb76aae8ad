"""What a refresh does next: (the refresh, its group, the instances, now) -> a plan. Pure.

Nothing is remembered here. Which instances are new is read from them, so that one that dies, comes
back from standby or is added in the middle finds its place by itself:

    Pending -> InProgress -> (Baking) -> Successful | Failed
               any of them -> Cancelling -> Cancelled
               any of them -> RollbackInProgress -> RollbackSuccessful | RollbackFailed

To roll back is the same replacing, with the roles of old and new exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import PENDING as COMING
from bakehouse_lab.autoscaling.model import TERMINATING as GOING
from bakehouse_lab.autoscaling.refresh import reasons
from bakehouse_lab.autoscaling.refresh.fleet import Fleet
from bakehouse_lab.autoscaling.refresh.model import (
    BAKING,
    CANCELLED,
    CANCELLING,
    FAILED,
    LONGEST_SECONDS,
    PENDING,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    ROLLING_BACK,
    SUCCESSFUL,
    Bake,
    Begin,
    Change,
    End,
    FallBehind,
    Note,
    Plan,
    Reach,
    Refresh,
    RollBack,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.model import Group, Member, Renewal


def decide(refresh: Refresh, group: Group, members: Sequence[Member], now: float) -> Plan:
    """What to ask of the group now, and what becomes of the refresh.

    Never asks for fewer ready instances than the lower bound allows, nor for more instances than
    the upper one; while the refresh rests, it asks for nothing new.
    """
    fleet = Fleet.of(group, members, refresh.preferences, now)
    if refresh.status == PENDING:
        ends = (End(SUCCESSFUL),) if fleet.untouched else ()
        return Plan(changes=(Begin(), *ends))
    if refresh.status == CANCELLING:
        return _cancel(refresh, fleet, members)
    if trouble := _trouble(refresh, fleet):
        return Plan(_hold(refresh, fleet), (_give_up(refresh, trouble),))
    return _bake(refresh, fleet) if refresh.status == BAKING else _replace(refresh, fleet)


def _cancel(refresh: Refresh, fleet: Fleet, members: Sequence[Member]) -> Plan:
    moving = any(each.lifecycle.startswith((COMING, GOING)) for each in members)
    if refresh.settles and moving:
        return Plan(_hold(refresh, fleet))
    return Plan(changes=(End(CANCELLED, reasons.CANCELLED),))


def _hold(refresh: Refresh, fleet: Fleet) -> Renewal:
    """Nothing is begun; what is above the desired capacity may stay."""
    return fleet.renewal(fleet.goal(refresh.reached), launch=False, retire=False)


# -- what ends it before its time


def _trouble(refresh: Refresh, fleet: Fleet) -> str:
    ringing = [name for name, state in refresh.alarms.items() if state == "ALARM"]
    if ringing and refresh.status != ROLLING_BACK:
        return reasons.rings(ringing[0])
    if fleet.now >= refresh.began + LONGEST_SECONDS:
        return reasons.EXPIRED
    at_work = refresh.status != BAKING and fleet.now >= refresh.until and not _paused(fleet)
    if at_work and not fleet.done and fleet.now >= refresh.progressed + refresh.stall:
        return reasons.stalled(refresh.stall, fleet)
    return ""


def _give_up(refresh: Refresh, trouble: str) -> Change:
    if refresh.status == ROLLING_BACK:
        return End(ROLLBACK_FAILED, trouble)
    return RollBack(trouble) if refresh.preferences.auto_rollback else End(FAILED, trouble)


def _paused(fleet: Fleet) -> bool:
    return "InstanceRefresh" in fleet.group.suspended


# -- the work


def _replace(refresh: Refresh, fleet: Fleet) -> Plan:
    rolls_back = refresh.status == ROLLING_BACK
    if _paused(fleet):
        note = _note(refresh, fleet, reasons.PAUSED)
        return Plan(_hold(refresh, fleet), note, excused=True)
    stops = () if rolls_back else _stops(refresh, fleet)
    if fleet.done:
        note = _note(refresh, fleet, "")
        return Plan(_hold(refresh, fleet), (*note, *stops, _finish(refresh)))
    if stops:
        return Plan(_hold(refresh, fleet), stops)
    if refresh.until > fleet.now:
        return _rest(refresh, fleet)
    silent = [name for name, state in refresh.alarms.items() if state == "INSUFFICIENT_DATA"]
    if silent and not rolls_back:
        return Plan(_hold(refresh, fleet), _note(refresh, fleet, reasons.silent(silent[0])))
    goal = fleet.total if rolls_back else fleet.goal(refresh.reached)
    return Plan(fleet.renewal(goal), _note(refresh, fleet, reasons.waiting(fleet)))


def _stops(refresh: Refresh, fleet: Fleet) -> tuple[Change, ...]:
    """A checkpoint that is reached now, or one that is so no more."""
    reached = fleet.reached
    if reached > refresh.reached:
        return (Reach(reached, fleet.total),)
    if reached < refresh.reached and fleet.total > refresh.reached_of:
        return (FallBehind(reached),)
    return ()


def _rest(refresh: Refresh, fleet: Fleet) -> Plan:
    """At a checkpoint: an old one still goes where a new one has taken its place."""
    goal = fleet.share(refresh.reached)
    note = _note(refresh, fleet, reasons.resting(refresh.until - fleet.now))
    return Plan(fleet.renewal(goal, launch=False), note)


def _finish(refresh: Refresh) -> Change:
    if refresh.status == ROLLING_BACK:
        return End(ROLLED_BACK)
    return Bake() if refresh.preferences.bake else End(SUCCESSFUL)


def _bake(refresh: Refresh, fleet: Fleet) -> Plan:
    if fleet.now >= refresh.until:
        return Plan(changes=(End(SUCCESSFUL),))
    return Plan(changes=_note(refresh, fleet, reasons.baking(refresh.until - fleet.now)))


def _note(refresh: Refresh, fleet: Fleet, reason: str) -> tuple[Note, ...]:
    """What changed of the progress that is shown; a rollback counts down to nothing."""
    percentage, to_update = fleet.percentage, fleet.to_update
    if refresh.status == ROLLING_BACK:
        left = 100 * len(fleet.old) // fleet.total if fleet.total else 0
        percentage, to_update = min(refresh.percentage, left), refresh.to_update
    said = (refresh.percentage, refresh.to_update, refresh.reason)
    if said == (percentage, to_update, reason) and fleet.nearness <= refresh.best:
        return ()
    return (Note(percentage, to_update, reason, fleet.nearness),)
