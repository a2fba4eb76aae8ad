"""The instance metadata service, version 2: who am I, and which tags do I carry?"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass

from runtime_env.faults import MetadataUnreachable, TagMissing
from runtime_env.patience import NotYet

ADDRESS = "http://169.254.169.254"


@dataclass(frozen=True)
class Identity:
    """Who this instance is."""

    instance: str
    image: str
    zone: str
    region: str


class Metadata:
    """Asks the service."""

    def __init__(self, address: str = ADDRESS, timeout: float = 5.0) -> None:
        """`timeout` is in seconds, for each question."""
        self._address = address.rstrip("/")
        self._timeout = timeout
        # The service is a neighbour: a proxy for the world's traffic must not see the token.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = ""

    def identity(self) -> Identity:
        """The instance identity document."""
        text = self._get("/latest/dynamic/instance-identity/document")
        try:
            said = json.loads(text)
            return Identity(
                instance=said["instanceId"],
                image=said["imageId"],
                zone=said["availabilityZone"],
                region=said["region"],
            )
        except (ValueError, KeyError, TypeError) as e:
            raise MetadataUnreachable(
                f"{self._address} answered with something other than an identity document"
            ) from e

    def tags(self, names: Iterable[str]) -> dict[str, str]:
        """The values of these tags. Raises TagMissing for the first that is not shown."""
        return {name: self._tag(name) for name in names}

    def _tag(self, name: str) -> str:
        try:
            return self._get(f"/latest/meta-data/tags/instance/{name}")
        except FileNotFoundError as e:
            raise TagMissing(
                f"the instance's metadata has no tag {name}: "
                "either it is not set, or tags are not enabled in the metadata"
            ) from e

    def _get(self, path: str) -> str:
        if not self._token:
            self._token = self._open(
                "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
            )
        return self._open("GET", path, {"X-aws-ec2-metadata-token": self._token})

    def _open(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self._address + path, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as e:
            raise self._refused(e.code, method, path) from e
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as e:
            raise NotYet(
                f"the metadata service at {self._address} does not answer", MetadataUnreachable
            ) from e

    def _refused(self, code: int, method: str, path: str) -> Exception:
        if code == 404:
            return FileNotFoundError(path)
        if code == 401:  # the token ran out while we were asking others
            self._token = ""
        if code == 403:
            return MetadataUnreachable(f"the metadata service at {self._address} refuses (403)")
        return NotYet(
            f"the metadata service at {self._address} answered {code} to {method} {path}",
            MetadataUnreachable,
        )
