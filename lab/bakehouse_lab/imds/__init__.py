"""The instance metadata service, at 169.254.169.254 inside every instance.

| module      | what it is                                                        |
|-------------|-------------------------------------------------------------------|
| host        | what the service knows of one instance                            |
| tree        | from that to what stands at a path (pure)                         |
| protocol    | who may read it: version 2's tokens, hop limit, refusals (pure)   |
| credentials | the role's keys, renewed long before they expire                  |
| records     | the only module that reads moto's records                         |
| server      | one listener for each network, on the bridge's address            |

There is no listener inside the instance: its packets to 169.254.169.254:80 are sent to the bridge's
address on this machine (`bakehouse_lab.network`), and the caller is known by its address.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from bakehouse_lab.imds.credentials import Keyring
from bakehouse_lab.imds.protocol import Tokens
from bakehouse_lab.imds.records import Records
from bakehouse_lab.imds.server import Listeners, Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.loop import Loop


def serve(lab: Lab) -> Sequence[Loop]:
    """Answer on the bridges that the lab is told of; there is nothing to control, so no loop."""
    records = Records(lab.world)
    keyring = Keyring(records.assume, time.time)
    tokens = Tokens(time.time, lambda: secrets.token_urlsafe(42))
    service = Service(records.find, tokens, keyring.document, time.time)
    lab.faces.append(Listeners(service, lab.settings.imds_port))
    return ()
