"""The only module that talks to AWS. What it returns is ours, and so are its errors.

Where AWS is, and as whom, boto3 finds out as every AWS tool does: AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL, ~/.aws, the instance's role.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnection

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

_STALE = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_REFUSED = {
    "AuthFailure",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_FORBIDDEN = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"}
_BUSY = {
    "InternalError",
    "InternalFailure",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ResourceContention",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "Unavailable",
}


class AwsUnreachable(Trouble):
    """No answer from AWS; nothing was done."""


class AwsRefused(Trouble):
    """AWS answered no; what was done before this call stands."""


class Account:
    """Clients of one account and region, made when they are first needed."""

    def __init__(self, region: str | None = None) -> None:
        """`region` None is the environment's."""
        self._region = region
        self._elsewhere: dict[str, Account] = {}

    @cached_property
    def _session(self) -> Any:
        # The AWS CLI obeys AWS_REGION; boto3 alone knows only AWS_DEFAULT_REGION.
        region = self._region or os.environ.get("AWS_REGION")
        with told():
            return boto3.session.Session(region_name=region)

    def client(self, service: str) -> Any:
        """A client that gives up on a dead endpoint in seconds, not minutes."""
        config = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
        with told():
            return self._session.client(service, config=config)

    @cached_property
    def ec2(self) -> Any:
        """EC2."""
        return self.client("ec2")

    @cached_property
    def autoscaling(self) -> Any:
        """Auto Scaling."""
        return self.client("autoscaling")

    @cached_property
    def elb(self) -> Any:
        """Elastic Load Balancing (v2: application load balancers)."""
        return self.client("elbv2")

    @cached_property
    def sns(self) -> Any:
        """SNS: messages to people."""
        return self.client("sns")

    @cached_property
    def kms(self) -> Any:
        """KMS: the keys that disks are encrypted with."""
        return self.client("kms")

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self.client("s3")

    @cached_property
    def ssm(self) -> Any:
        """Systems Manager: its parameters."""
        return self.client("ssm")

    @cached_property
    def cloudwatch(self) -> Any:
        """CloudWatch: metrics and alarms."""
        return self.client("cloudwatch")

    @cached_property
    def number(self) -> str:
        """The account's number."""
        with told():
            return str(self.client("sts").get_caller_identity()["Account"])

    def elsewhere(self, region: str) -> Account:
        """The same account in another region, or this one."""
        if region == self.region:
            return self
        return self._elsewhere.setdefault(region, Account(region))

    @property
    def region(self) -> str:
        """The region that is talked to."""
        return str(self.ec2.meta.region_name)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn botocore's exceptions into sentences with a next command."""
    try:
        yield
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise AwsUnreachable(
            f"AWS does not answer: {error}",
            "check AWS_ENDPOINT_URL, AWS_REGION and the network, then run this again",
        ) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise AwsUnreachable(
            f"There are no credentials for AWS: {error}",
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ) from error
    except NoRegionError as error:
        raise AwsUnreachable("No region is set.", "export AWS_REGION=us-east-1") from error
    except ClientError as error:
        raise _refusal(error) from error
    except BotoCoreError as error:
        raise AwsUnreachable(f"The call to AWS failed: {error}") from error


def _refusal(error: Any) -> AwsRefused:
    code, words = code_of(error), error.response["Error"].get("Message", "")
    what = f"AWS refused {error.operation_name}: {words} ({code})"
    if code in _STALE:
        return AwsRefused(what, "aws sso login, or take new credentials, then run this again")
    if code in _REFUSED:
        return AwsRefused(what, "aws sts get-caller-identity")
    if code in _FORBIDDEN:
        return AwsRefused(what, "allow the action to this identity: aws sts get-caller-identity")
    return AwsRefused(what)


def may_pass(trouble: Trouble) -> bool:
    """Whether the same call may go well later: AWS was silent, or too busy for it."""
    cause = trouble.__cause__
    if isinstance(cause, ClientError):
        status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(cause) in _BUSY or status >= 500
    return isinstance(cause, (HTTPClientError, NoConnection))


def code_of(error: Any) -> str:
    """The error code that AWS sent."""
    return str(error.response["Error"].get("Code", ""))
