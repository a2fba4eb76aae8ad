"""RDS and ElastiCache as moto ships them, and as the lab mends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


def nodes_when_two_are_asked_for(client: Any) -> list[str]:
    made = client("elasticache").create_replication_group(
        ReplicationGroupId="sess", ReplicationGroupDescription="sessions", NumCacheClusters=2
    )
    members: list[str] = made["ReplicationGroup"]["MemberClusters"]
    return members


def test_moto_makes_no_replica_for_num_cache_clusters(ask_moto: Ask) -> None:
    assert ask_moto(nodes_when_two_are_asked_for) == ["sess-001"]


def test_the_lab_makes_it(ask_moto: Ask) -> None:
    answer = ask_moto(nodes_when_two_are_asked_for, "elasticache_num_cache_clusters")
    assert answer == ["sess-001", "sess-002"]


def reader_endpoint(client: Any) -> Any:
    cache = client("elasticache")
    cache.create_replication_group(
        ReplicationGroupId="sess", ReplicationGroupDescription="sessions", Port=6380
    )
    group = cache.describe_replication_groups()["ReplicationGroups"][0]
    return group["NodeGroups"][0].get("ReaderEndpoint")


def test_moto_has_no_reader_endpoint(ask_moto: Ask) -> None:
    assert ask_moto(reader_endpoint) is None


def test_the_lab_has_one(ask_moto: Ask) -> None:
    found = ask_moto(reader_endpoint, "elasticache_reader_endpoint")
    assert found["Address"].startswith("replica.sess.")
    assert found["Port"] == 6380


def default_versions(client: Any) -> dict[str, str]:
    versions = {}
    for engine in ("mysql", "mariadb"):
        try:
            made = client("rds").create_db_instance(
                DBInstanceIdentifier=engine,
                Engine=engine,
                DBInstanceClass="db.t3.micro",
                MasterUsername="app",
                MasterUserPassword="first-secret",
            )
            versions[engine] = made["DBInstance"]["EngineVersion"]
        except Exception as error:
            versions[engine] = type(error).__name__
    return versions


def test_moto_gives_mysql_5_6_and_fails_for_mariadb(ask_moto: Ask) -> None:
    assert ask_moto(default_versions) == {"mysql": "5.6.21", "mariadb": "KeyError"}


def test_the_lab_gives_current_versions(ask_moto: Ask) -> None:
    versions = ask_moto(default_versions, "rds_default_engine_versions")
    assert versions == {"mysql": "8.4.6", "mariadb": "11.8.3"}


def endpoint_while_creating(client: Any) -> dict[str, bool]:
    from moto.backends import get_backend

    rds, there = client("rds"), {}
    rds.create_db_instance(
        DBInstanceIdentifier="shop",
        Engine="mysql",
        DBInstanceClass="db.t3.micro",
        MasterUsername="app",
        MasterUserPassword="first-secret",
    )
    for status in ("creating", "available"):
        get_backend("rds")["123456789012"]["us-east-1"].databases["shop"].status = status
        there[status] = "Endpoint" in rds.describe_db_instances()["DBInstances"][0]
    return there


def test_moto_names_an_endpoint_that_is_not_there_yet(ask_moto: Ask) -> None:
    assert ask_moto(endpoint_while_creating) == {"creating": True, "available": True}


def test_the_lab_names_it_when_it_is(ask_moto: Ask) -> None:
    there = ask_moto(endpoint_while_creating, "rds_endpoint_while_creating")
    assert there == {"creating": False, "available": True}


def managed_secret(client: Any) -> dict[str, str]:
    import json

    made = client("rds").create_db_instance(
        DBInstanceIdentifier="shop",
        Engine="mysql",
        DBInstanceClass="db.t3.micro",
        MasterUsername="app",
        ManageMasterUserPassword=True,
    )
    arn = made["DBInstance"]["MasterUserSecret"]["SecretArn"]
    text = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    secret: dict[str, str] = json.loads(text)
    return secret


def test_moto_manages_a_password_that_all_know(ask_moto: Ask) -> None:
    assert ask_moto(managed_secret) == {"username": "admin", "password": "P@55w0rd!"}


def test_the_lab_makes_one_up_for_the_master_user(ask_moto: Ask) -> None:
    first, second = (ask_moto(managed_secret, "rds_managed_secret") for _ in range(2))
    assert first["username"] == "app"
    assert first["password"] != second["password"]


def kinds_that_a_template_tags(client: Any) -> list[str]:
    tags = [{"Key": "Name", "Value": "web"}]
    ec2 = client("ec2")
    ec2.create_launch_template(
        LaunchTemplateName="web",
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
        LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
    )
    found = ec2.describe_launch_template_versions(LaunchTemplateName="web", Versions=["1"])
    data = found["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"] == tags
    return [spec["ResourceType"] for spec in data["TagSpecifications"]]


def test_moto_tags_what_is_launched_with_the_templates_own_tags(ask_moto: Ask) -> None:
    assert ask_moto(kinds_that_a_template_tags) == ["instance", "launch-template"]


def test_the_lab_keeps_them_apart(ask_moto: Ask) -> None:
    assert ask_moto(kinds_that_a_template_tags, "launch_template_own_tags") == ["instance"]
