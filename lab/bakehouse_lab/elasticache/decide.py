"""What to do next about caches: pure, from records and containers alone.

Every node is a cache cluster of its own, also the members of a replication group, as on AWS; a
group has no container, its status follows from its members'.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# A first start takes 1 s on an idle machine (measured); a loaded one gets much more.
PATIENCE_SECONDS = 120


class Verb(Enum):
    """The things that can be done to one node."""

    CREATE = auto()  # also again, empty, when its server died: a cache has nothing to keep
    DISPOSE = auto()  # container and record
    DISCARD = auto()  # a container that no record speaks of
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Node:
    """A cache cluster's record, as far as it matters here. `since`: of its status, seconds."""

    id: str
    status: str
    since: float


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to the node `id`."""

    verb: Verb
    id: str


def decide(nodes: Iterable[Node], running: Mapping[str, bool], now: float) -> list[Action]:
    """All that can be begun now; `running`: the containers, by node, and whether they live."""
    known = {each.id: each for each in nodes}
    verbs = {each.id: _next(each, running.get(each.id, False), now) for each in known.values()}
    actions = [Action(verb, id) for id, verb in verbs.items() if verb]
    return actions + [Action(Verb.DISCARD, id) for id in running if id not in known]


def _next(node: Node, running: bool, now: float) -> Verb | None:
    match node.status:
        case "deleting":
            return Verb.DISPOSE
        case "creating" if now - node.since > PATIENCE_SECONDS:
            return Verb.GIVE_UP
        case "creating":
            return Verb.CREATE
        case "available" if not running:
            return Verb.CREATE
    return None


def group_status(status: str, members: Sequence[str]) -> str | None:
    """The next status of a replication group whose members have these; None when it is gone.

    >>> group_status("creating", ["available", "creating"])
    'creating'
    >>> group_status("creating", ["available", "available"])
    'available'
    >>> group_status("deleting", []) is None
    True
    """
    if status == "deleting":
        return status if members else None
    if "create-failed" in members:
        return "create-failed"
    return "available" if set(members) == {"available"} else status
