"""An error in the words of each of AWS's protocols, so that every SDK can read it.

moto answers what it does not know with a page of HTML and status 500: SDKs retry it four times
and then complain of malformed XML. Ours name the action, and have a status that is not retried.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from bakehouse_lab.api.calls import Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse_lab.api.calls import Call

XML = "text/xml;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def unimplemented(call: Call, why: str = "") -> Answer:
    """The lab cannot do it, or not so; `why` says more than that, when there is more."""
    known = call.protocol in (Protocol.EC2, Protocol.QUERY, Protocol.REST_XML)
    code = "InvalidAction" if known else "UnknownOperationException"
    said = why or "nothing was done"
    return answer(
        call, code, f"The lab does not implement {call.service}:{call.action}: {said[:400]}"
    )


def crashed(call: Call, error: BaseException) -> Answer:
    """moto (or we) failed at it; what was changed until then stays changed."""
    said = f"{type(error).__name__}: {error}"[:400]
    return answer(
        call,
        "InternalFailure",
        f"The lab failed at {call.service}:{call.action} ({said}); see `scripts/lab logs`.",
    )


def answer(call: Call, code: str, message: str, status: int = 400) -> Answer:
    """Word an error in the caller's protocol."""
    request = str(uuid.uuid4())
    code_xml, message_xml = escape(code), escape(message)
    error = f"<Code>{code_xml}</Code><Message>{message_xml}</Message>"
    headers = {"x-amzn-RequestId": request, "Content-Type": XML}
    match call.protocol:
        case Protocol.EC2:
            text = (
                f"<Response><Errors><Error>{error}</Error></Errors>"
                f"<RequestID>{request}</RequestID></Response>"
            )
        case Protocol.REST_XML if call.service in ("s3", "-"):
            text = f"<Error>{error}<RequestId>{request}</RequestId></Error>"
        case Protocol.QUERY | Protocol.REST_XML:
            text = (
                f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
                f"<RequestId>{request}</RequestId></ErrorResponse>"
            )
        case Protocol.CBOR:
            headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
            return Answer(status, headers, _cbor({"__type": code, "message": message}))
        case Protocol.JSON | Protocol.REST_JSON:
            headers |= {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
            text = json.dumps({"__type": code, "message": message})
    return Answer(status, headers, text.encode())


def plain(html: bytes) -> str:
    """The words of a page of HTML, on one line.

    >>> plain(b"<!doctype html><title>501</title><p>The filter &#39;foo&#39; is not there</p>")
    "501 The filter 'foo' is not there"
    """
    words = re.sub(r"<[^>]*>", " ", html.decode(errors="replace"))
    return " ".join(unescape(words).split())


def _cbor(texts: Mapping[str, str]) -> bytes:
    """A map of texts in CBOR (RFC 8949): major type 5, then texts of major type 3."""

    def text(value: str) -> bytes:
        encoded = value.encode()
        return b"\x79" + len(encoded).to_bytes(2, "big") + encoded

    pairs = b"".join(text(key) + text(value) for key, value in texts.items())
    return bytes([0xA0 + len(texts)]) + pairs
