"""What people type every day, with the AWS CLI as it comes from PyPI, and boto3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    Lab = Any  # conftest's RunningLab

REFUSED = 255  # the CLI's status when AWS answers with an error


def aws(lab: Lab, command: str, status: int = 0) -> Any:
    """Run the AWS CLI; its JSON, or with another status what it said on stderr.

    The endpoint is given as an option too: for RDS the CLI's version 1 does not read the
    variable (it overrides the address in us-east-1 before it looks).
    """
    options = ("--output", "json", "--endpoint-url", lab.settings.endpoint)
    done = lab.run("aws", *options, *command.split(), status=status)
    if status:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def only(rows: list[Any]) -> Any:
    """The one row that there is to be."""
    assert len(rows) == 1, rows
    return rows[0]


CALLS: list[tuple[str, Callable[[Any], object]]] = [
    ("sts get-caller-identity", lambda said: len(said["Account"]) == 12 and said["Arn"]),
    (
        "ec2 describe-images --owners 136693071363 --filters "
        "Name=name,Values=debian-13-amd64-* Name=architecture,Values=x86_64 "
        "Name=root-device-type,Values=ebs Name=virtualization-type,Values=hvm",
        lambda said: only(said["Images"])["RootDeviceName"] == "/dev/xvda",
    ),
    ("ec2 describe-regions", lambda said: "us-east-1" in str(said["Regions"])),
    ("ec2 describe-availability-zones", lambda said: len(said["AvailabilityZones"]) >= 2),
    (
        "ec2 describe-vpcs --filters Name=tag:Name,Values=staging-vpc",
        lambda said: only(said["Vpcs"])["CidrBlock"].endswith(".0.0/16"),
    ),
    (
        "ec2 describe-subnets --filters Name=tag:Name,Values=staging-private-*",
        lambda said: {one["AvailabilityZone"][-1] for one in said["Subnets"]} == {"a", "b"},
    ),
    (
        "ec2 describe-security-groups --filters Name=group-name,Values=staging-web",
        lambda said: (
            {rule["FromPort"] for rule in only(said["SecurityGroups"])["IpPermissions"]} == {22, 80}
        ),
    ),
    (
        "ec2 describe-key-pairs --key-names bakehouse",
        lambda said: only(said["KeyPairs"])["KeyType"] == "ed25519",
    ),
    ("ec2 describe-instances --max-items 5", lambda said: isinstance(said["Reservations"], list)),
    ("ec2 describe-volumes", lambda said: isinstance(said["Volumes"], list)),
    (
        "ec2 describe-launch-template-versions --launch-template-name staging-web "
        "--versions $Latest",
        lambda said: (
            only(said["LaunchTemplateVersions"])["LaunchTemplateData"]["MetadataOptions"][
                "HttpTokens"
            ]
            == "required"
        ),
    ),
    (
        "autoscaling describe-auto-scaling-groups --auto-scaling-group-names staging-web",
        lambda said: only(said["AutoScalingGroups"])["HealthCheckType"] == "ELB",
    ),
    (
        "elbv2 describe-load-balancers --names staging-alb",
        lambda said: only(said["LoadBalancers"])["Type"] == "application",
    ),
    (
        "elbv2 describe-target-groups --names staging-web",
        lambda said: only(said["TargetGroups"])["HealthCheckPath"] == "/health",
    ),
    (
        "rds describe-db-instances --db-instance-identifier staging-db",
        lambda said: only(said["DBInstances"])["Endpoint"]["Port"] == 3306,
    ),
    (
        "elasticache describe-replication-groups --replication-group-id staging-redis",
        lambda said: only(said["ReplicationGroups"])["TransitEncryptionEnabled"] is True,
    ),
    (
        "secretsmanager get-secret-value --secret-id staging/app",
        lambda said: "APP_KEY" in json.loads(said["SecretString"]),
    ),
    (
        "iam get-instance-profile --instance-profile-name staging-web",
        lambda said: only(said["InstanceProfile"]["Roles"])["RoleName"] == "staging-web",
    ),
    ("s3api list-buckets", lambda said: "staging-artifacts" in str(said["Buckets"])),
    ("logs describe-log-groups", lambda said: isinstance(said["logGroups"], list)),
    ("cloudwatch list-metrics", lambda said: isinstance(said["Metrics"], list)),
]


@pytest.mark.parametrize(("command", "is_as_on_aws"), CALLS, ids=[each[0][:40] for each in CALLS])
def test_the_cli_reads(lab: Lab, command: str, is_as_on_aws: Callable[[Any], object]) -> None:
    assert is_as_on_aws(aws(lab, command))


def test_the_cli_says_the_code_of_aws_and_ends_with_a_status(lab: Lab) -> None:
    said = aws(lab, "ec2 describe-instances --instance-ids i-0123456789abcdef0", status=REFUSED)
    assert "(InvalidInstanceID.NotFound) when calling the DescribeInstances operation" in said


def refusal(lab: Lab, service: str, action: str, **said: Any) -> ClientError:
    """How boto3 is refused."""
    with pytest.raises(ClientError) as refused:
        getattr(lab.client(service), action)(**said)
    return refused.value


RULE = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
NOWHERE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("InvalidKeyPair.NotFound", "ec2", "describe_key_pairs", {"KeyNames": ["nobody"]}),
    (
        "InvalidAMIID.NotFound",
        "ec2",
        "run_instances",
        {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1},
    ),
    (
        "InvalidGroup.NotFound",
        "ec2",
        "authorize_security_group_ingress",
        {"GroupId": "sg-0123456789abcdef0", **RULE},
    ),
    ("LoadBalancerNotFound", "elbv2", "describe_load_balancers", {"Names": ["nobody"]}),
    ("DBInstanceNotFound", "rds", "describe_db_instances", {"DBInstanceIdentifier": "nobody"}),
    ("ResourceNotFoundException", "secretsmanager", "get_secret_value", {"SecretId": "nobody"}),
    ("ParameterNotFound", "ssm", "get_parameter", {"Name": "/nobody"}),
    ("NoSuchEntity", "iam", "get_role", {"RoleName": "nobody"}),
    ("404", "s3", "head_bucket", {"Bucket": "staging-nobody"}),
    ("NoSuchBucket", "s3", "list_objects_v2", {"Bucket": "staging-nobody"}),
    (
        "ReplicationGroupNotFoundFault",
        "elasticache",
        "describe_replication_groups",
        {"ReplicationGroupId": "nobody"},
    ),
]


@pytest.mark.parametrize(("code", "service", "action", "said"), NOWHERE)
def test_what_is_not_there_is_refused_with_the_code_of_aws(
    lab: Lab, code: str, service: str, action: str, said: dict[str, Any]
) -> None:
    assert refusal(lab, service, action, **said).response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("service", "action", "said"),
    [
        ("ec2", "describe_fast_launch_images", {}),
        ("elbv2", "describe_trust_stores", {}),
        ("ecs", "list_services_by_namespace", {"namespace": "x"}),
        ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript"}),
    ],
)
def test_an_action_that_the_lab_does_not_have_is_refused_by_name(
    lab: Lab, service: str, action: str, said: dict[str, Any]
) -> None:
    refused = refusal(lab, service, action, **said)
    assert refused.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 501)
    assert f":{refused.operation_name}" in refused.response["Error"]["Message"]
    assert "<html" not in str(refused).lower()


def test_an_object_goes_to_s3_and_comes_back(lab: Lab, tmp_path: Path) -> None:
    bucket = next(
        one["Name"]
        for one in lab.client("s3").list_buckets()["Buckets"]
        if one["Name"].startswith("staging-artifacts")
    )
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(bytes(range(256)) * 100)
    lab.run("aws", "s3", "cp", str(sent), f"s3://{bucket}/everyday/file")
    lab.run("aws", "s3", "cp", f"s3://{bucket}/everyday/file", str(back))
    assert back.read_bytes() == sent.read_bytes()


def test_a_parameter_is_written_and_read(lab: Lab) -> None:
    aws(lab, "ssm put-parameter --name /everyday/colour --type SecureString --value blue")
    said = aws(lab, "ssm get-parameter --name /everyday/colour --with-decryption")
    assert (said["Parameter"]["Value"], said["Parameter"]["Version"]) == ("blue", 1)


def test_a_log_line_is_written_and_read(lab: Lab) -> None:
    import time

    logs = lab.client("logs")
    logs.create_log_group(logGroupName="/everyday")
    logs.create_log_stream(logGroupName="/everyday", logStreamName="one")
    event = {"timestamp": int(time.time() * 1000), "message": "hello"}
    logs.put_log_events(logGroupName="/everyday", logStreamName="one", logEvents=[event])
    said = aws(lab, "logs get-log-events --log-group-name /everyday --log-stream-name one")
    assert only(said["events"])["message"] == "hello"


def test_a_dry_run_says_that_it_would_have_worked(lab: Lab) -> None:
    group = {"GroupName": "dry", "Description": "dry", "DryRun": True}
    refused = refusal(lab, "ec2", "create_security_group", **group)
    assert refused.response["Error"]["Code"] == "DryRunOperation"
    named = lab.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["dry"]}]
    )
    assert named["SecurityGroups"] == []
