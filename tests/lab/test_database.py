"""RDS as an application sees it: a name that resolves, TLS that verifies, data that stays."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from bakehouse_lab import network
from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman, PodmanFailed
from bakehouse_lab.settings import SERVICES_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.running_lab import RunningLab

SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SOON = {"Delay": 1, "MaxAttempts": 120}
FIRST, SECOND = "first-password", "second-password"


class Database:
    """A database in the lab's default VPC, open to all of it, and a client beside it."""

    def __init__(self, lab: RunningLab) -> None:
        self.rds, self.settings = lab.client("rds"), lab.settings
        self.podman = Podman(lab.settings, Machine.look())
        ec2 = lab.client("ec2")
        self.group = ec2.create_security_group(GroupName="any-db", Description="tests")["GroupId"]
        rule = {
            "IpProtocol": "tcp",
            "FromPort": 3306,
            "ToPort": 3306,
            "IpRanges": [{"CidrIp": lab.settings.default_vpc_cidr}],
        }
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[rule])

    def create(self, name: str = "shop") -> Any:
        return self.rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="mysql",
            DBInstanceClass="db.t3.micro",
            AllocatedStorage=20,
            MasterUsername="app",
            MasterUserPassword=FIRST,
            DBName="app",
            VpcSecurityGroupIds=[self.group],
        )["DBInstance"]

    def until(self, waiter: str, **what: str) -> None:
        self.rds.get_waiter(waiter).wait(WaiterConfig=SOON, **what)

    def available(self, name: str = "shop") -> None:
        self.until("db_instance_available", DBInstanceIdentifier=name)

    def status(self) -> str:
        described = self.rds.describe_db_instances(DBInstanceIdentifier="shop")
        return str(described["DBInstances"][0]["DBInstanceStatus"])

    def ask(self, sql: str, password: str = FIRST, name: str = "shop") -> str:
        """What the database says to a client that finds it by name and trusts the system."""
        described = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        client = ["mariadb", "--no-defaults", "--connect-timeout=5", "--batch", "-N", "-uapp"]
        client += [f"--ssl-ca={SYSTEM_BUNDLE}", "--ssl-verify-server-cert"]
        client += [f"-h{described['Endpoint']['Address']}", f"-P{described['Endpoint']['Port']}"]
        where = network.name_of(self.settings, self.settings.default_vpc_cidr)
        limits = [f"--ulimit={limit}" for limit in Machine.look().ulimits]
        podman = ["run", "--rm", f"--network={where}", f"--env=MYSQL_PWD={password}", *limits]
        return self.podman.run(*podman, SERVICES_IMAGE, *client, "app", "-e", sql)


@pytest.fixture(scope="module")
def shop(lab: RunningLab) -> Iterator[Database]:
    database = Database(lab)
    assert database.create()["DBInstanceStatus"] == "creating"
    database.available()
    database.ask("CREATE TABLE rows_seen (n INT); INSERT INTO rows_seen VALUES (1)")
    yield database
    database.rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
    database.until("db_instance_deleted", DBInstanceIdentifier="shop")


def test_a_client_verifies_it_with_the_systems_own_certificates(shop: Database) -> None:
    assert shop.ask("SHOW STATUS LIKE 'Ssl_version'").endswith("TLSv1.3")


def test_text_is_kept_in_full_unicode(shop: Database) -> None:
    assert shop.ask("SELECT @@character_set_database") == "utf8mb4"


def test_the_master_user_has_what_rds_gives_and_no_more(shop: Database) -> None:
    granted = shop.ask("SHOW GRANTS")
    assert "CREATE USER" in granted
    assert "SUPER" not in granted
    with pytest.raises(PodmanFailed, match="Access denied"):
        shop.ask("SET GLOBAL max_connections = 7")


def test_a_wrong_password_is_refused(shop: Database) -> None:
    with pytest.raises(PodmanFailed, match="Access denied"):
        shop.ask("SELECT 1", password="wrong-password")


def test_data_survives_a_reboot(shop: Database) -> None:
    answer = shop.rds.reboot_db_instance(DBInstanceIdentifier="shop")["DBInstance"]
    assert answer["DBInstanceStatus"] == "rebooting"
    shop.available()
    assert shop.ask("SELECT n FROM rows_seen") == "1"


def test_a_new_password_replaces_the_old_one(shop: Database) -> None:
    shop.rds.modify_db_instance(
        DBInstanceIdentifier="shop", MasterUserPassword=SECOND, ApplyImmediately=True
    )
    shop.available()
    assert shop.ask("SELECT 1", password=SECOND) == "1"
    with pytest.raises(PodmanFailed, match="Access denied"):
        shop.ask("SELECT 1", password=FIRST)
    shop.rds.modify_db_instance(
        DBInstanceIdentifier="shop", MasterUserPassword=FIRST, ApplyImmediately=True
    )
    shop.available()


def test_a_database_that_dies_comes_back(shop: Database, eventually: Callable[..., None]) -> None:
    shop.podman.kill(f"{shop.settings.prefix}-rds-shop")

    def answers() -> bool:
        try:
            return shop.ask("SELECT n FROM rows_seen") == "1"
        except PodmanFailed:
            return False

    eventually(answers, seconds=60)


def test_a_stopped_database_answers_nobody_until_it_is_started(
    shop: Database, eventually: Callable[..., None]
) -> None:
    shop.rds.stop_db_instance(DBInstanceIdentifier="shop")
    eventually(lambda: shop.status() == "stopped", seconds=60)
    with pytest.raises(PodmanFailed):
        shop.ask("SELECT 1")
    shop.rds.start_db_instance(DBInstanceIdentifier="shop")
    shop.available()
    assert shop.ask("SELECT n FROM rows_seen") == "1"


def test_a_restored_snapshot_is_the_database_as_it_was(shop: Database) -> None:
    shop.rds.create_db_snapshot(DBInstanceIdentifier="shop", DBSnapshotIdentifier="friday")
    shop.until("db_snapshot_available", DBSnapshotIdentifier="friday")
    shop.ask("INSERT INTO rows_seen VALUES (2)")
    shop.rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="copy", DBSnapshotIdentifier="friday", VpcSecurityGroupIds=[shop.group]
    )
    shop.available("copy")
    assert shop.ask("SELECT n FROM rows_seen", name="copy") == "1"
    shop.rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)
    shop.rds.delete_db_snapshot(DBSnapshotIdentifier="friday")
    shop.until("db_instance_deleted", DBInstanceIdentifier="copy")
    shop.until("db_snapshot_deleted", DBSnapshotIdentifier="friday")


def test_no_secret_is_in_a_process_list_or_in_what_podman_shows(shop: Database) -> None:
    shown = shop.podman.run("container", "inspect", f"{shop.settings.prefix}-rds-shop")
    listed = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    assert FIRST not in shown + listed
