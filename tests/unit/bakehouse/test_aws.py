"""What goes wrong between us and AWS becomes a sentence with a next command."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from bakehouse.aws import Account, AwsRefused, AwsUnreachable, may_pass, told
from bakehouse.trouble import Trouble


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "RunInstances")


@pytest.mark.parametrize(
    ("code", "then"),
    [
        ("ExpiredToken", "aws sso login"),
        ("AuthFailure", "aws sts get-caller-identity"),
        ("UnauthorizedOperation", "allow the action"),
        ("InvalidParameterValue", ""),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_to_do(code: str, then: str) -> None:
    with pytest.raises(AwsRefused, match=f"RunInstances: No. .{code}") as caught, told():
        raise refusal(code)
    assert caught.value.then.startswith(then)


def test_a_dead_endpoint_is_told_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    with pytest.raises(AwsUnreachable, match=str(port)), told():
        Account("us-east-1").ec2.describe_vpcs()


def test_the_region_is_the_one_that_the_aws_cli_would_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Account().region == "eu-west-1"


@pytest.mark.parametrize(
    ("what", "error", "passes"),
    [
        ("too many calls", refusal("Throttling"), True),
        ("a fault of AWS", refusal("InternalFailure"), True),
        ("silence", ReadTimeoutError(endpoint_url="https://ec2"), True),
        ("nobody there", EndpointConnectionError(endpoint_url="https://ec2"), True),
        ("a call that is wrong", refusal("InvalidParameterValue"), False),
        ("credentials that ran out", refusal("ExpiredToken"), False),
        ("no credentials", NoCredentialsError(), False),
    ],
)
def test_what_may_go_well_later(what: str, error: Exception, passes: bool) -> None:
    with pytest.raises(Trouble) as caught, told():
        raise error
    assert may_pass(caught.value) is passes, what
