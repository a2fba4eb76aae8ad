"""The AWS API, through boto3: the secret, the database's address, the cache's address.

Each question is asked once, with short timeouts; whoever asks decides whether to ask again. What
may be asked again is raised as NotYet, what will not mend itself as a Fault.
"""

import os
from collections.abc import Callable
from typing import Any

from runtime_env.environment import Cache, Database
from runtime_env.faults import (
    ApiUnusable,
    CacheUnusable,
    DatabaseUnusable,
    Denied,
    Fault,
    SecretMissing,
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
PASSING = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalFailure",
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",  # the clock is being set while we boot
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
}

Client = Callable[[str], Any]


def client_factory(region: str) -> Client:
    """Make boto3 clients that ask once, and wait 2 seconds to connect and 5 for an answer."""
    import boto3  # half a second, which a wrong setting need not cost
    import botocore.config
    import botocore.session

    session = botocore.session.get_session()
    session.set_config_variable("metadata_service_timeout", 2)
    session.set_config_variable("metadata_service_num_attempts", 2)
    config = botocore.config.Config(
        connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    clients = boto3.session.Session(botocore_session=session, region_name=region)

    def client(service: str) -> Any:
        # boto3 of Debian 12 (1.26) does not read the variable itself.
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or None
        return clients.client(service, config=config, endpoint_url=endpoint)

    return client


class Aws:
    """The three questions."""

    def __init__(self, client: Client) -> None:
        """`client` makes a boto3 client for a service."""
        self._client = client

    def secret(self, name: str) -> "str | None":
        """The text of the secret's current version; None when it has no text.

        The stage is named, because the version that comes without one may be an older one.
        """
        missing = {
            "ResourceNotFoundException": f"there is no secret {name}, or it has no current version",
            "InvalidRequestException": f"the secret {name} is marked for deletion",
        }
        answer = self._ask(
            "secretsmanager:GetSecretValue",
            lambda: self._client("secretsmanager").get_secret_value(
                SecretId=name, VersionStage="AWSCURRENT"
            ),
            {code: SecretMissing(said) for code, said in missing.items()},
        )
        text = answer.get("SecretString")
        return text if isinstance(text, str) else None

    def database(self, identifier: str) -> Database:
        """The database's address. Raises NotYet while it is being made."""
        none = DatabaseUnusable(f"there is no database {identifier}")
        answer = self._ask(
            "rds:DescribeDBInstances",
            lambda: self._client("rds").describe_db_instances(DBInstanceIdentifier=identifier),
            {"DBInstanceNotFound": none, "DBInstanceNotFoundFault": none},
        )
        found = (answer.get("DBInstances") or [None])[0]
        if found is None:
            raise none
        endpoint = found.get("Endpoint") or {}
        if not endpoint.get("Address") or not endpoint.get("Port"):
            status = found.get("DBInstanceStatus", "unknown")
            raise NotYet(
                f"the database {identifier} has no address (status {status})", DatabaseUnusable
            )
        return Database(endpoint["Address"], int(endpoint["Port"]), found.get("DBName") or "")

    def cache(self, identifier: str) -> Cache:
        """The primary node's address. Raises NotYet while the group is being made."""
        none = CacheUnusable(f"there is no replication group {identifier}")
        answer = self._ask(
            "elasticache:DescribeReplicationGroups",
            lambda: self._client("elasticache").describe_replication_groups(
                ReplicationGroupId=identifier
            ),
            {"ReplicationGroupNotFoundFault": none, "ReplicationGroupNotFound": none},
        )
        group = (answer.get("ReplicationGroups") or [None])[0]
        if group is None:
            raise none
        return _primary(identifier, group)

    def _ask(
        self, action: str, question: Callable[[], Any], known: "dict[str, Fault]"
    ) -> "dict[str, Any]":
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            answer = question()
        except ClientError as e:
            raise _judge(action, e.response, known) from e
        except NoCredentialsError as e:
            raise NotYet(
                "this instance has no role, or its credentials are not there", Denied
            ) from e
        except BotoCoreError as e:  # nothing listens, no answer in time, an answer that is no AWS's
            raise NotYet(f"{action} got no answer ({type(e).__name__})") from e
        return answer if isinstance(answer, dict) else {}


def _judge(action: str, response: "dict[str, Any]", known: "dict[str, Fault]") -> Exception:
    """What an error of the API means for us."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in known:
        return known[code]
    if code in DENIED:
        return Denied(f"this instance's role may not do {action} ({code})")
    if code in PASSING or status >= 500 or status == 429:
        return NotYet(f"{action} answered {code or status}")
    return ApiUnusable(f"{action} answered {code or status}, and we do not know what that means")


def _primary(identifier: str, group: "dict[str, Any]") -> Cache:
    nodes = (group.get("NodeGroups") or [{}])[0]
    endpoint = nodes.get("PrimaryEndpoint") or {}
    if not endpoint.get("Address") or not endpoint.get("Port"):
        if group.get("ClusterEnabled"):
            raise CacheUnusable(
                f"the replication group {identifier} runs in cluster mode; "
                "wanted one with a primary endpoint"
            )
        status = group.get("Status", "unknown")
        raise NotYet(
            f"the replication group {identifier} has no address (status {status})", CacheUnusable
        )
    return Cache(
        endpoint["Address"],
        int(endpoint["Port"]),
        tls=bool(group.get("TransitEncryptionEnabled")),
        password_wanted=bool(group.get("AuthTokenEnabled")),
    )
