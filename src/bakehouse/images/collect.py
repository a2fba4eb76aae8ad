"""Collect garbage: look, decide, act. The deciding is in `garbage`, and a dry run is all
of this but the acting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bakehouse.images.garbage import Decision, Policy, World, plan

if TYPE_CHECKING:
    from datetime import datetime


class Looking(Protocol):
    """What this needs of the account; `bakehouse.images.referrers.Referrers` has it."""

    def look(self) -> World:
        """The world as it is."""

    def act(self, decision: Decision, now: datetime) -> str:
        """Do what was decided; returns what could not be done."""


def collect(world: Looking, policy: Policy, now: datetime) -> list[tuple[Decision, str]]:
    """Do what a dry run says; returns each decision with what the API could not do.

    What cannot be undone is decided once more at its time: an image that somebody began to use
    since is kept.
    """
    done = []
    for decision in plan(world.look(), policy, now):
        if decision.action == "delete":
            decision = _again(decision, world, policy, now)
        done.append((decision, "" if decision.action == "keep" else world.act(decision, now)))
    return done


def _again(decision: Decision, world: Looking, policy: Policy, now: datetime) -> Decision:
    for one in plan(world.look(), policy, now):
        if one.image.id == decision.image.id:
            return one
    return Decision(decision.image, "keep", ("gone already",))
