"""What to do next about databases and snapshots: pure, from records and containers alone.

| status                       | what is done                       | and then  |
|------------------------------|------------------------------------|-----------|
| creating                     | make it, wait until it answers     | available |
| starting, modifying,         | see that it runs, set the password | available |
| resetting-master-credentials |                                    |           |
| available, but it died       | the same                           | available |
| rebooting                    | stop it, then the same             | available |
| stopping                     | stop it                            | stopped   |
| deleting                     | copy final snapshot, remove all    | no record |
| one of the above for too long| give up (but never on deleting)    | failed    |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A first start takes 3 s on an idle machine (measured); a loaded one gets forty times that.
PATIENCE_SECONDS = 120


class Verb(Enum):
    """The things that can be done to one database or snapshot."""

    CREATE = auto()  # from nothing, or from the data that an earlier life left
    BRING_UP = auto()  # running, answering, and its master password as recorded
    REBOOT = auto()
    STOP = auto()
    DISPOSE = auto()  # container, data and record
    DISCARD = auto()  # a container that no record speaks of; its data stays
    COPY = auto()  # the data of a database into a snapshot
    ERASE = auto()  # a snapshot
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Database:
    """A record, as far as it matters here. `since`: when the status began, seconds."""

    id: str
    status: str
    since: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot's record, as far as it matters here."""

    id: str
    status: str
    database: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; `id` is a database's, but for COPY and ERASE a snapshot's."""

    verb: Verb
    id: str


UNDER_WAY = {
    "creating": Verb.CREATE,
    "starting": Verb.BRING_UP,
    "modifying": Verb.BRING_UP,
    "resetting-master-credentials": Verb.BRING_UP,
    "rebooting": Verb.REBOOT,
    "stopping": Verb.STOP,
}


def decide(
    databases: Sequence[Database],
    snapshots: Sequence[Snapshot],
    running: Mapping[str, bool],
    now: float,
) -> list[Action]:
    """All that can be begun now; `running`: the containers, by database, and whether they live.

    A database is never removed while a snapshot of it is still to be copied.
    """
    known = {each.id: each for each in databases}
    wanted = [each for each in snapshots if each.status == "creating"]
    copied = {each.database for each in wanted}
    actions = [
        Action(Verb.COPY, each.id)
        for each in wanted
        if each.database in known and known[each.database].status != "creating"
    ]
    for database in known.values():
        verb = _next(database, running.get(database.id, False), now)
        if verb is Verb.DISPOSE and database.id in copied:
            continue
        if verb:
            actions.append(Action(verb, database.id))
    actions += [Action(Verb.ERASE, each.id) for each in snapshots if each.status == "deleting"]
    return actions + [Action(Verb.DISCARD, id) for id in running if id not in known]


def _next(database: Database, running: bool, now: float) -> Verb | None:
    if database.status == "deleting":
        return Verb.DISPOSE
    if database.status == "available" and not running:
        return Verb.BRING_UP
    verb = UNDER_WAY.get(database.status)
    if verb and now - database.since > PATIENCE_SECONDS:
        return Verb.GIVE_UP
    return verb
