"""The keys of an instance's role, renewed long before they expire."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.imds.host import Host

# As on AWS: keys are good for six hours, and new ones appear every hour, so that whoever reads
# them always has hours left (botocore renews when a quarter of an hour is left).
LIFETIME_SECONDS = 21600
RENEWED_AFTER_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Keys:
    """Temporary credentials as STS gives them."""

    access_key_id: str
    secret_access_key: str
    token: str


@dataclass(frozen=True, slots=True)
class _Issued:
    keys: Keys
    at: float


class Keyring:
    """Gives each instance its role's current keys."""

    def __init__(self, assume: Callable[[str, str, int], Keys], now: Callable[[], float]) -> None:
        """`assume` takes a role's ARN, the session's name and seconds; `now` is in seconds."""
        self._assume, self._now = assume, now
        self._issued: dict[tuple[str, str], _Issued] = {}
        self._lock = threading.Lock()

    def document(self, host: Host) -> str:
        """The JSON that the SDKs read at `iam/security-credentials/<role>`.

        The session is named for the instance, so that `GetCallerIdentity` says which one called.
        """
        role_arn = host.profile.role_arn if host.profile else None
        if role_arn is None:
            raise ValueError(f"{host.id} has no role to give credentials of")
        issued = self._current(host.id, role_arn)
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": stamp(issued.at),
                "Type": "AWS-HMAC",
                "AccessKeyId": issued.keys.access_key_id,
                "SecretAccessKey": issued.keys.secret_access_key,
                "Token": issued.keys.token,
                "Expiration": stamp(issued.at + LIFETIME_SECONDS),
            },
            indent=2,
        )

    def _current(self, instance: str, role_arn: str) -> _Issued:
        with self._lock:
            issued, now = self._issued.get((instance, role_arn)), self._now()
            if issued is None or now - issued.at >= RENEWED_AFTER_SECONDS:
                issued = _Issued(self._assume(role_arn, instance, LIFETIME_SECONDS), now)
                self._issued[instance, role_arn] = issued
            return issued


def stamp(seconds: float) -> str:
    """A moment as AWS writes it.

    >>> stamp(0)
    '1970-01-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
