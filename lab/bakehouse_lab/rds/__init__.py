"""RDS: databases of the MySQL family that really answer, on MariaDB in a container each.

`backend` writes down what API calls ask for, `decide` says what to do next, `keeper` does it in
the words of `mariadb` and `volumes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.loop import Loop
from bakehouse_lab.rds.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab

LOOK_AGAIN_SECONDS = 5  # API calls and errands kick; this only finds databases that died


def serve(lab: Lab) -> Sequence[Loop]:
    """Put the lab's backend in the place of moto's."""
    from moto.rds.models import rds_backends

    from bakehouse_lab.rds.backend import LabRDSBackend

    keeper = Keeper(lab)
    loop = Loop("rds", lambda: keeper.step(loop.kick), LOOK_AGAIN_SECONDS)
    rds_backends.backend = LabRDSBackend
    return [loop]
