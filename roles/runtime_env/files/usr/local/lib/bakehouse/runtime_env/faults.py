"""What can go wrong: one class, one exit status and one next command for each.

    Fault
    ├── MetadataUnreachable     10
    ├── TagMissing              11
    ├── SecretMissing           12
    ├── Denied                  13
    ├── SecretMalformed         14
    ├── KeyMissing              15
    ├── DatabaseUnusable        16
    ├── CacheUnusable           17
    ├── ApiUnusable             18
    ├── SettingsMalformed       19
    ├── AfterwardsFailed        20
    ├── CannotWrite             21
    ├── FollowersNotTold        22
    ├── ApiSilent               23
    ├── ApiRefuses              24
    ├── ApiThrottles            25
    ├── ApiFails                26
    ├── ApiGarbled              27
    ├── SecretDeleted           28
    ├── ParametersUnusable      29
    ├── AuthoritiesUnusable     30
    └── PlainText               31

A message is one sentence without a secret: it ends up in the journal, and from there in
CloudWatch.
"""


class Fault(Exception):
    """The environment cannot be written; what was there before is untouched."""

    status = 1
    next_command = "journalctl -u runtime-env"


class MetadataUnreachable(Fault):
    """The instance metadata service does not answer, or not as one does."""

    status = 10
    next_command = (
        "aws ec2 describe-instances --query "
        "'Reservations[].Instances[].[InstanceId,MetadataOptions]'"
    )


class TagMissing(Fault):
    """A name needs a tag that the instance does not have, or does not show."""

    status = 11
    next_command = (
        "aws ec2 modify-instance-metadata-options --instance-metadata-tags enabled "
        "--instance-id INSTANCE, or aws ec2 create-tags"
    )


class SecretMissing(Fault):
    """Secrets Manager has no such secret, or no current version of it."""

    status = 12
    next_command = "aws secretsmanager list-secrets --query 'SecretList[].Name'"


class Denied(Fault):
    """The instance has no role, or its role may not do this."""

    status = 13
    next_command = "aws iam list-role-policies --role-name ROLE"


class SecretMalformed(Fault):
    """The secret is not a JSON object of names and values."""

    status = 14
    next_command = (
        "aws secretsmanager put-secret-value --secret-id SECRET --secret-string file://new.json"
    )


class KeyMissing(Fault):
    """The secret lacks a key that the application needs."""

    status = 15
    next_command = SecretMalformed.next_command


class DatabaseUnusable(Fault):
    """RDS has no such database, or it got no address in time."""

    status = 16
    next_command = (
        "aws rds describe-db-instances --query "
        "'DBInstances[].[DBInstanceIdentifier,DBInstanceStatus]'"
    )


class CacheUnusable(Fault):
    """ElastiCache has no such replication group, or it got no address in time."""

    status = 17
    next_command = (
        "aws elasticache describe-replication-groups --query "
        "'ReplicationGroups[].[ReplicationGroupId,Status]'"
    )


class ApiUnusable(Fault):
    """The API answered with an error that we do not know."""

    status = 18
    next_command = "systemctl restart runtime-env"


class SettingsMalformed(Fault):
    """Our own configuration file is not what it should be."""

    status = 19
    next_command = "ansible-playbook site.yml"


class AfterwardsFailed(Fault):
    """The environment is written, but what uses it failed."""

    status = 20
    next_command = "systemctl restart runtime-env"


class CannotWrite(Fault):
    """The file cannot be written."""

    status = 21
    next_command = "df -h /run; systemd-tmpfiles --create"


class FollowersNotTold(Fault):
    """The environment is written, but PHP-FPM or the workers go on with the one before."""

    status = 22
    next_command = "systemctl start runtime-env-refresh, or reload PHP-FPM"


class ApiSilent(Fault):
    """The API, or the way to it, swallows what is sent: no answer, or none that ends."""

    status = 23
    next_command = (
        "aws ec2 describe-vpc-endpoints --query 'VpcEndpoints[].[ServiceName,State]'; "
        "look at routes and security groups"
    )


class ApiRefuses(Fault):
    """Nothing listens where the API should be, or its name is not known."""

    status = 24
    next_command = "getent hosts secretsmanager.REGION.amazonaws.com; cat /etc/environment"


class ApiThrottles(Fault):
    """The account asks more often than the API answers."""

    status = 25
    next_command = "systemctl restart runtime-env; then a longer runtime_env_refresh_seconds"


class ApiFails(Fault):
    """The API answers that it is broken (5xx)."""

    status = 26
    next_command = "systemctl restart runtime-env; see https://health.aws.amazon.com"


class ApiGarbled(Fault):
    """Something else than the API answers in its place: a proxy, a captive portal."""

    status = 27
    next_command = "cat /etc/environment; curl -sv https://secretsmanager.REGION.amazonaws.com"


class SecretDeleted(Fault):
    """The secret is marked for deletion."""

    status = 28
    next_command = "aws secretsmanager restore-secret --secret-id SECRET"


class ParametersUnusable(Fault):
    """Parameter Store has nothing at this path, or names that cannot be variables."""

    status = 29
    next_command = "aws ssm get-parameters-by-path --path PATH --query 'Parameters[].Name'"


class AuthoritiesUnusable(Fault):
    """The file of authorities is missing, or holds no certificate."""

    status = 30
    next_command = "ansible-playbook site.yml with runtime_env_authorities_source set"


class PlainText(Fault):
    """The database or the cache would be spoken to without encryption."""

    status = 31
    next_command = (
        "set runtime_env_authorities and switch on encryption in transit, "
        "or say runtime_env_plain_text_allowed"
    )
