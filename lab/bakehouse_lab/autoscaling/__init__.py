"""Auto Scaling: groups that keep themselves whole.

| module     | what it is                                                       |
|------------|------------------------------------------------------------------|
| model      | what decisions see of a group, and what they may ask for         |
| decide     | what a group does next (pure)                                    |
| health     | who is ill, and when another takes the place (pure)              |
| capacity   | how many there are, where they start, who goes first (pure)      |
| passage    | hooks and the way out, alike for a group and its pool (pure)     |
| warm_pool/ | instances that have booted before and wait to be taken           |
| refresh/   | instance refresh: all of a group is replaced, a few at a time    |
| records    | what is written down of a group, its instances and activities    |
| backend    | what an API call writes down                                     |
| api        | actions that moto lacks or only pretends                         |
| controller | the loop: look, decide, act                                      |
| look       | the records as decisions see them                                |
| hands      | does what was decided                                            |
| notices    | tells EventBridge, and whom a lifecycle hook is for              |

What it leaves out, so far: mixed instances, scheduled actions, scaling by alarms, rebalancing of
zones that became uneven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.autoscaling.controller import Groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.loop import Loop


def serve(lab: Lab) -> Sequence[Loop]:
    """Put the lab's backend in the place of moto's, and add the actions that moto lacks."""
    from moto.autoscaling.models import autoscaling_backends

    from bakehouse_lab.autoscaling import api
    from bakehouse_lab.autoscaling.backend import LabAutoScalingBackend

    autoscaling_backends.backend = LabAutoScalingBackend
    api.extend()
    return [Groups(lab).loop]
