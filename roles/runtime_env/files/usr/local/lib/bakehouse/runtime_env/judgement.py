"""What an error of the AWS API means for us: ask again, or give up, and with which status."""

from typing import Any

from runtime_env.faults import (
    ApiFails,
    ApiGarbled,
    ApiRefuses,
    ApiSilent,
    ApiThrottles,
    ApiUnusable,
    Denied,
    Fault,
)
from runtime_env.patience import NotYet

DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "DecryptionFailure",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
}
THROTTLED = {
    "RequestLimitExceeded",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
}
BROKEN = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceErrorException",
    "ServiceUnavailable",
}
PASSING = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",  # the clock is being set while we boot
    "RequestTimeout",
    "RequestTimeoutException",
}


def of_an_error(action: str, response: "dict[str, Any]", known: "dict[str, Fault]") -> Exception:
    """What the API said was wrong; `known` are codes that mean something of their own here."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"{action} answered {code or status}"
    if code in known:
        return known[code]
    if code in DENIED:
        return Denied(f"this instance's role may not do {action} ({code})")
    if code in THROTTLED or status == 429:
        return NotYet(said, ApiThrottles)
    if code in BROKEN or status >= 500:
        return NotYet(said, ApiFails)
    if code in PASSING:
        return NotYet(said)
    return ApiUnusable(f"{said}, and we do not know what that means")


def of_no_answer(action: str, trouble: Exception) -> Exception:
    """What boto3 ran into; `trouble` is anything that it raises besides an error of the API."""
    name = type(trouble).__name__
    if name in ("NoCredentialsError", "CredentialRetrievalError", "PartialCredentialsError"):
        return NotYet("this instance has no role, or its credentials are not there", Denied)
    if name == "ResponseParserError":
        return NotYet(f"{action} was answered by something that is not AWS", ApiGarbled)
    if name == "EndpointConnectionError":
        return NotYet(f"{action} found nobody who listens ({name})", ApiRefuses)
    return NotYet(f"{action} got no answer ({name})", ApiSilent)
