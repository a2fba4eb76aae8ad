"""The AWS API, through boto3: the secret, plain parameters, the addresses of database and cache.

Each question is asked once, with short timeouts; whoever asks decides whether to ask again. What
may be asked again is raised as NotYet, what will not mend itself as a Fault.
"""

import os
from collections.abc import Callable
from typing import Any

from runtime_env import judgement
from runtime_env.environment import Cache, Database
from runtime_env.faults import (
    ApiGarbled,
    CacheUnusable,
    DatabaseUnusable,
    Fault,
    SecretDeleted,
    SecretMissing,
)
from runtime_env.patience import NotYet

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
    """The questions."""

    def __init__(self, client: Client) -> None:
        """`client` makes a boto3 client for a service."""
        self._client = client

    def secret(self, name: str) -> "str | None":
        """The text of the secret's current version; None when it has no text.

        The stage is named, because the version that comes without one may be an older one.
        """
        answer = self._ask(
            "secretsmanager:GetSecretValue",
            lambda: self._client("secretsmanager").get_secret_value(
                SecretId=name, VersionStage="AWSCURRENT"
            ),
            {
                "ResourceNotFoundException": SecretMissing(
                    f"there is no secret {name}, or it has no current version"
                ),
                "InvalidRequestException": SecretDeleted(
                    f"the secret {name} is marked for deletion"
                ),
            },
            "ARN",
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
            "DBInstances",
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
            "ReplicationGroups",
        )
        group = (answer.get("ReplicationGroups") or [None])[0]
        if group is None:
            raise none
        return _primary(identifier, group)

    def parameters(self, path: str) -> dict[str, str]:
        """The parameters right below a path of Parameter Store, by their last name."""
        page = self._page(path, {})
        found = page["Parameters"]
        while page.get("NextToken"):
            page = self._page(path, {"NextToken": page["NextToken"]})
            found += page["Parameters"]
        return {one["Name"].rpartition("/")[2]: one["Value"] for one in found}

    def _page(self, path: str, more: "dict[str, str]") -> "dict[str, Any]":
        return self._ask(
            "ssm:GetParametersByPath",
            lambda: self._client("ssm").get_parameters_by_path(
                Path=path, WithDecryption=True, **more
            ),
            {},
            "Parameters",
        )

    def token(self, host: str, port: int, user: str) -> str:
        """What stands in for the password when IAM decides. Made here: nobody is asked."""
        answer = self._ask(
            "rds-db:connect",
            lambda: {
                "Token": self._client("rds").generate_db_auth_token(
                    DBHostname=host, Port=port, DBUsername=user
                )
            },
            {},
            "Token",
        )
        return str(answer["Token"])

    def _ask(
        self,
        action: str,
        question: Callable[[], Any],
        known: "dict[str, Fault]",
        proof: str,
    ) -> "dict[str, Any]":
        """Ask once; an answer without `proof` in it is not AWS's, whatever its status."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer = question()
        except ClientError as e:
            raise judgement.of_an_error(action, e.response, known) from e
        except (BotoCoreError, ResponseParserError) as e:
            raise judgement.of_no_answer(action, e) from e
        if not isinstance(answer, dict) or proof not in answer:
            raise NotYet(f"{action} was answered by something that is not AWS", ApiGarbled)
        return answer


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
