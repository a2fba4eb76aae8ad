"""Why an image would be baked: which inputs changed since which image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bakehouse.images.identity import changes
from bakehouse.images.image import newest
from bakehouse.images.record import BadRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.images.image import Image, Wanted
    from bakehouse.images.record import Record

# More lines than this are a new project, and nobody reads them.
MOST = 30


class Records(Protocol):
    """Where records are; `bakehouse.images.store.Store` has it."""

    def record(self, image: Image) -> Record:
        """The image's record. Raises BadRecord."""


def explain(want: Wanted, baked: Sequence[Image], records: Records) -> list[str]:
    """Lines that say what changed since the newest image of the same distribution."""
    same = [image for image in baked if f"-{want.distribution}-" in image.name]
    if not same:
        return ["  changed   everything: there is no image of this distribution yet"]
    last = newest(same)
    try:
        before = records.record(last).inputs
    except BadRecord as trouble:
        return [f"  changed   since {last.id}: cannot be said, {trouble.args[0]}"]
    lines = changes(before, want.inputs).lines()
    if not lines:
        return [f"  changed   nothing since {last.id} of {last.created}"]
    more = [f"    and {len(lines) - MOST} more"] if len(lines) > MOST else []
    told = [f"    {line}" for line in lines[:MOST]]
    return [f"  changed   since {last.id} of {last.created}:", *told, *more]
