"""What an HTTP request asks for: which service, which action, in which of AWS's protocols.

Read off the request alone, as AWS does, because an answer has to be worded in the caller's own
protocol even when moto has never heard of the action.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Mapping


class Protocol(enum.Enum):
    """The shapes in which AWS answers."""

    EC2 = "ec2"
    QUERY = "query"
    JSON = "json"
    CBOR = "smithy-rpc-v2-cbor"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"


# Services that answer XML although they are addressed by path; all others by path answer JSON.
REST_XML_SERVICES = frozenset({"s3", "s3control", "route53", "cloudfront"})

# Actions whose names start so change nothing.
READING = re.compile(r"(Describe|List|Get|Head|Lookup|Query|Scan|Search|BatchGet|Select|Filter)")

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")


@dataclass(frozen=True, slots=True)
class Call:
    """One API call. `service` is the signing name (`elasticloadbalancing`), "-" when unsigned."""

    service: str
    action: str
    protocol: Protocol
    access_key: str

    @property
    def changes(self) -> bool:
        """Whether it may have changed a record, when it succeeded."""
        if self.protocol in (Protocol.REST_JSON, Protocol.REST_XML):
            return not self.action.startswith(("GET ", "HEAD "))
        return not READING.match(self.action)

    @classmethod
    def read(cls, environ: Mapping[str, str], body: bytes) -> Call:
        """Read a WSGI request; never raises, whatever the request says."""
        query = environ.get("QUERY_STRING", "")
        signature = environ.get("HTTP_AUTHORIZATION") or query.replace("%2F", "/")
        signed = _SCOPE.search(signature)
        access_key, service = signed.groups() if signed else ("-", "-")
        action, protocol = _action(environ, body, service)
        return cls(service, action, protocol, access_key)


def _action(environ: Mapping[str, str], body: bytes, service: str) -> tuple[str, Protocol]:
    path = environ.get("PATH_INFO", "/")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rpartition(".")[2], Protocol.JSON
    if cbor := _CBOR_PATH.search(path):
        return cbor[1], Protocol.CBOR
    if action := _form_action(environ, body):
        return action, Protocol.EC2 if service == "ec2" else Protocol.QUERY
    rest = Protocol.REST_XML if service in REST_XML_SERVICES | {"-"} else Protocol.REST_JSON
    return f"{environ.get('REQUEST_METHOD', 'GET')} {path}", rest


def _form_action(environ: Mapping[str, str], body: bytes) -> str | None:
    form = environ.get("QUERY_STRING", "")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = f"{body.decode('latin-1')}&{form}"
    named = parse_qs(form, max_num_fields=None).get("Action") if "Action=" in form else None
    return named[0] if named else None
