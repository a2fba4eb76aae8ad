"""Does what was decided for a warm pool: a part of the hands of its group."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bakehouse_lab.autoscaling.model import PENDING as COMING
from bakehouse_lab.autoscaling.warm_pool import model as m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bakehouse_lab.autoscaling.records import Activity, LabGroup, Membership

log = logging.getLogger("bakehouse_lab")


class Keeper:
    """Keeps the pool of one group."""

    def __init__(self, group: LabGroup, now: float) -> None:
        """Act on `group`; hold the world's lock."""
        self._group, self._now = group, now

    @property
    def verbs(self) -> Mapping[type, Callable[[Membership, Any], None]]:
        """What it does to one instance."""
        return {
            m.Halt: self._halt,
            m.Settle: self._settle,
            m.Take: self._take,
            m.GiveBack: self._give_back,
        }

    def drop(self) -> None:
        """Forget the pool, which has no instances left."""
        self._group.warm_pool = None
        log.info("group %s: its warm pool is deleted", self._group.name)

    def _halt(self, member: Membership, _: m.Halt) -> None:
        member.instance.stop()

    def _settle(self, member: Membership, action: m.Settle) -> None:
        member.lifecycle_state = action.lifecycle
        member.activity.end(self._now)
        self._group.failures = 0
        log.info("group %s: %s waits in the warm pool", self._group.name, member.instance_id)

    def _take(self, member: Membership, action: m.Take) -> None:
        group = self._group
        group.replacing -= action.replaces
        group.renewing -= action.renews
        because = "" if action.replaces or action.renews else group.reason
        activity = self._move(
            member,
            f"Launching a new EC2 instance from warm pool: {member.instance_id}",
            action.cause,
            because,
        )
        activity.move("PreInService", 30)
        member.lifecycle_state, member.hooked, member.origin = COMING, True, m.POOL
        if member.instance.state == "stopped":
            member.instance.start()
        log.info("group %s: takes %s from the warm pool", group.name, member.instance_id)

    def _give_back(self, member: Membership, action: m.GiveBack) -> None:
        self._move(
            member,
            f"Returning EC2 instance to warm pool: {member.instance_id}",  # AWS's words: unknown
            action.cause,
            self._group.reason,
        )
        member.lifecycle_state, member.origin, member.in_service = m.PENDING, m.GROUP, 0.0
        log.info("group %s: %s returns to the warm pool", self._group.name, member.instance_id)

    def _move(self, member: Membership, what: str, cause: str, because: str) -> Activity:
        member.activity = self._group.begin(what, cause, self._now, because, **member.place)
        return member.activity
