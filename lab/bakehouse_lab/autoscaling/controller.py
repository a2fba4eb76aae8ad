"""The loop of Auto Scaling: look at each group, decide, write down and act.

All of it is quick and under the world's lock: starting and ending an instance is a record, which
the loop of EC2 follows.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling import model as m
from bakehouse_lab.autoscaling.decide import decide
from bakehouse_lab.autoscaling.hands import Hands
from bakehouse_lab.autoscaling.look import look
from bakehouse_lab.autoscaling.refresh.act import Clerk, plan
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend
    from bakehouse_lab.autoscaling.records import LabGroup
    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab")


class Groups:
    """Keeps all Auto Scaling groups of one lab."""

    def __init__(self, lab: Lab) -> None:
        """Make the loop; nothing runs before it is started."""
        self._lab = lab
        self.loop = Loop("autoscaling", self.step)

    def step(self) -> None:
        """Look at every group once, and do what it needs."""
        with self._lab.world.lock:
            backend = self._lab.world.backend("autoscaling")
            backend.stall_seconds = self._lab.settings.refresh_stall_seconds
            changed = [step(backend, name) for name in list(backend.autoscaling_groups)]
        if any(changed):
            self._lab.kick()


def step(backend: LabAutoScalingBackend, name: str) -> bool:
    """Look at a group, decide, act; whether anything was done. One broken group stops no other."""
    group = backend.autoscaling_groups[name]
    try:
        changed = _step(backend, group)
    except Exception:
        log.exception("group %s: this step failed, looking again", name)
        return False
    capacity = sum(each.lifecycle_state in m.CAPACITY for each in group.instance_states)
    if capacity == group.desired_capacity:
        group.reason, group.replacing = "", 0
    return changed


def _step(backend: LabAutoScalingBackend, group: LabGroup) -> bool:
    seen, members = look(backend, group)
    refresh, turned = group.refresh, False
    if refresh:
        wanted = plan(backend, refresh, seen, members)
        turned = Clerk(backend, group, refresh).carry_out(wanted)
        seen = replace(seen, renewal=wanted.renewal)
    actions = decide(seen, members, backend.clock())
    hands = Hands(backend, group)
    for action in actions:
        hands.do(action)
    return turned or bool(actions)
