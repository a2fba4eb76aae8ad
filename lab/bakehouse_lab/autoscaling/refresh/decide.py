"""What a refresh does next: (the refresh, its group, the instances, now) -> a plan. Pure.

Nothing is remembered here. Which instances are new is read from them, so that one that dies, comes
back from standby or is added in the middle finds its place by itself:

    Pending -> InProgress -> (Baking) -> Successful | Failed
               any of them -> Cancelling -> Cancelled
               any of them -> RollbackInProgress -> RollbackSuccessful | RollbackFailed

To roll back is the same replacing, with the roles of old and new exchanged. A warm pool has its
turn when the group is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.model import PENDING as COMING
from bakehouse_lab.autoscaling.model import TERMINATING as GOING
from bakehouse_lab.autoscaling.refresh import reasons
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
from bakehouse_lab.autoscaling.refresh.whole import Whole
from bakehouse_lab.autoscaling.warm_pool.model import WARMED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.autoscaling.model import Group, Member, Renewal
    from bakehouse_lab.autoscaling.refresh.fleet import Fleet


def decide(refresh: Refresh, group: Group, members: Sequence[Member], now: float) -> Plan:
    """What to ask of the group now, and what becomes of the refresh.

    Never asks for fewer ready instances than the lower bound allows, nor for more instances than
    the upper one; while the refresh rests, it asks for nothing new.
    """
    whole = Whole.of(group, members, refresh.preferences, now)
    if refresh.status == PENDING:
        ends = (End(SUCCESSFUL),) if whole.untouched else ()
        return Plan(changes=(Begin(), *ends))
    if refresh.status == CANCELLING:
        return _cancel(refresh, whole, members)
    if trouble := _trouble(refresh, whole):
        return Plan(_hold(refresh, whole), (_give_up(refresh, trouble),))
    return _bake(refresh, whole) if refresh.status == BAKING else _replace(refresh, whole)


def _cancel(refresh: Refresh, whole: Whole, members: Sequence[Member]) -> Plan:
    states = [each.lifecycle.removeprefix(WARMED) for each in members]
    moving = any(each.startswith((COMING, GOING)) for each in states)
    if refresh.settles and moving:
        return Plan(_hold(refresh, whole))
    return Plan(changes=(End(CANCELLED, reasons.CANCELLED),))


def _hold(refresh: Refresh, whole: Whole) -> Renewal:
    """Nothing is begun; what is above the desired capacity may stay."""
    return whole.renewal(whole.live.goal(refresh.reached), launch=False, retire=False)


# -- what ends it before its time


def _trouble(refresh: Refresh, whole: Whole) -> str:
    now = whole.live.now
    ringing = [name for name, state in refresh.alarms.items() if state == "ALARM"]
    if ringing and refresh.status != ROLLING_BACK:
        return reasons.rings(ringing[0])
    if now >= refresh.began + LONGEST_SECONDS:
        return reasons.EXPIRED
    at_work = refresh.status != BAKING and now >= refresh.until and not _paused(whole.live)
    if at_work and not whole.done and now >= refresh.progressed + refresh.stall:
        return reasons.stalled(refresh.stall, whole.at_work)
    return ""


def _give_up(refresh: Refresh, trouble: str) -> Change:
    if refresh.status == ROLLING_BACK:
        return End(ROLLBACK_FAILED, trouble)
    return RollBack(trouble) if refresh.preferences.auto_rollback else End(FAILED, trouble)


def _paused(fleet: Fleet) -> bool:
    return "InstanceRefresh" in fleet.group.suspended


# -- the work


def _replace(refresh: Refresh, whole: Whole) -> Plan:
    fleet, rolls_back = whole.live, refresh.status == ROLLING_BACK
    if _paused(fleet):
        note = _note(refresh, whole, reasons.PAUSED)
        return Plan(_hold(refresh, whole), note, excused=True)
    stops = () if rolls_back else _stops(refresh, fleet)
    if whole.done:
        note = _note(refresh, whole, "")
        return Plan(_hold(refresh, whole), (*note, *stops, _finish(refresh)))
    if stops:
        return Plan(_hold(refresh, whole), stops)
    if refresh.until > fleet.now:
        return _rest(refresh, whole)
    silent = [name for name, state in refresh.alarms.items() if state == "INSUFFICIENT_DATA"]
    if silent and not rolls_back:
        return Plan(_hold(refresh, whole), _note(refresh, whole, reasons.silent(silent[0])))
    goal = fleet.total if rolls_back else fleet.goal(refresh.reached)
    return Plan(whole.renewal(goal), _note(refresh, whole, reasons.waiting(whole.at_work)))


def _stops(refresh: Refresh, fleet: Fleet) -> tuple[Change, ...]:
    """A checkpoint that is reached now, or one that is so no more."""
    reached = fleet.reached
    if reached > refresh.reached:
        return (Reach(reached, fleet.total),)
    if reached < refresh.reached and fleet.total > refresh.reached_of:
        return (FallBehind(reached),)
    return ()


def _rest(refresh: Refresh, whole: Whole) -> Plan:
    """At a checkpoint: an old one still goes where a new one has taken its place."""
    goal = whole.live.share(refresh.reached)
    note = _note(refresh, whole, reasons.resting(refresh.until - whole.live.now))
    return Plan(whole.renewal(goal, launch=False), note)


def _finish(refresh: Refresh) -> Change:
    if refresh.status == ROLLING_BACK:
        return End(ROLLED_BACK)
    return Bake() if refresh.preferences.bake else End(SUCCESSFUL)


def _bake(refresh: Refresh, whole: Whole) -> Plan:
    left = refresh.until - whole.live.now
    if left <= 0:
        return Plan(changes=(End(SUCCESSFUL),))
    return Plan(changes=_note(refresh, whole, reasons.baking(left)))


def _note(refresh: Refresh, whole: Whole, reason: str) -> tuple[Note, ...]:
    """What changed of the progress that is shown; a rollback counts down to nothing."""
    percentage, to_update, parts = whole.percentage, whole.to_update, whole.parts
    if refresh.status == ROLLING_BACK:
        percentage, to_update = min(refresh.percentage, whole.left), refresh.to_update
        parts = whole.parts_left(refresh.parts)
    said = (refresh.percentage, refresh.to_update, refresh.parts, refresh.reason)
    if said == (percentage, to_update, parts, reason) and whole.nearness <= refresh.best:
        return ()
    return (Note(percentage, to_update, reason, whole.nearness, parts),)
