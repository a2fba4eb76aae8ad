"""What can go wrong at boot: one class, one exit status and one next command for each.

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
    └── CannotWrite             21

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
    """The API answered nothing that we can use before the deadline."""

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
