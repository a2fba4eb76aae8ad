"""Databases from call to answer: the API's records, what is decided, and what is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.core.exceptions import ServiceException

from bakehouse_lab.compat import rds_managed_secret
from bakehouse_lab.rds.backend import LabRDSBackend
from bakehouse_lab.rds.decide import PATIENCE_SECONDS
from bakehouse_lab.rds.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bakehouse_lab.lab import Lab

SHOP = "bakehouse-lab7-rds-shop"
WANTED = {
    "db_instance_identifier": "shop",
    "db_instance_class": "db.t3.micro",
    "engine": "mysql",
    "engine_version": "8.4.6",
    "master_username": "app",
    "master_user_password": "first-secret",
    "db_name": "app",
}


class Rds:
    """The service as a caller sees it; time passes when it is told to."""

    def __init__(self, lab: Lab, podman: Any) -> None:
        self.lab, self.podman = lab, podman
        self.now = 1000.0
        self.api = lab.world.backend("rds")
        self.api.clock = lambda: self.now
        self.keeper = Keeper(lab, lambda: self.now)

    def create(self, **more: Any) -> Any:
        return self.api.create_db_instance({**WANTED, **more})

    def settle(self) -> None:
        """Let the keeper look until nothing changes: each look does one thing to each."""
        for _ in range(4):
            self.keeper.step(lambda: None)

    def status(self, name: str = "shop") -> str:
        return str(self.api.describe_db_instances(name)[0].status)

    def data(self, volume: str = SHOP) -> Any:
        return self.podman.volume(volume) / "rows"


class Gone:
    """A subnet that was deleted after the group was made of it."""

    id, vpc_id, availability_zone = "subnet-gone", "vpc-gone", "us-east-1a"


@pytest.fixture
def rds(desk: Lab, podman: Any) -> Iterator[Rds]:
    from moto.rds.models import RDSBackend, rds_backends

    rds_backends.backend = LabRDSBackend
    rds_managed_secret.mend()
    yield Rds(desk, podman)
    rds_backends.backend = RDSBackend


@pytest.fixture
def shop(rds: Rds) -> Rds:
    rds.create()
    rds.settle()
    rds.data().write_text("1")
    return rds


def test_a_database_is_available_once_it_answers(rds: Rds) -> None:
    assert rds.create().status == "creating"
    rds.settle()
    assert rds.status() == "available"
    assert rds.podman.password(SHOP) == "first-secret"


def test_it_is_found_by_its_endpoint_at_an_address_of_its_subnet(shop: Rds) -> None:
    made = shop.podman.containers[SHOP]
    record = shop.api.databases["shop"]
    assert made.aliases == (record.address,)
    assert shop.lab.world.addresses[made.ip].container == SHOP
    assert shop.lab.world.addresses[made.ip].security_groups == tuple(record.vpc_security_group_ids)


def test_no_secret_is_in_what_podman_shows_of_a_container(shop: Rds) -> None:
    assert "first-secret" not in repr(shop.podman.containers[SHOP])


def test_a_database_that_never_answers_is_given_up(rds: Rds) -> None:
    rds.podman.dumb.add(SHOP)
    rds.create()
    rds.settle()
    assert rds.status() == "creating"
    rds.now += PATIENCE_SECONDS + 1
    rds.settle()
    assert rds.status() == "failed"


def test_what_failed_is_not_tried_again_at_once(rds: Rds) -> None:
    looks: list[str] = []
    rds.podman.dumb.add(SHOP)
    rds.create()
    rds.keeper.step(lambda: looks.append("again"))
    assert looks == []
    rds.podman.dumb.clear()
    rds.keeper.step(lambda: looks.append("again"))
    assert looks == ["again"]


def test_a_database_without_a_free_address_fails_and_no_other(rds: Rds) -> None:
    rds.api.create_subnet_group("gone", "deleted since", [Gone()], [])
    rds.create(db_instance_identifier="lost", db_subnet_group_name="gone")
    rds.create()
    rds.settle()
    assert rds.status() == "available"
    rds.now += PATIENCE_SECONDS + 1
    rds.settle()
    assert rds.status("lost") == "failed"


def test_a_new_password_is_in_force_when_the_database_is_available_again(shop: Rds) -> None:
    shop.api.modify_db_instance("shop", {"master_user_password": "second-secret"})
    assert shop.status() == "resetting-master-credentials"
    shop.settle()
    assert shop.status() == "available"
    assert shop.podman.password(SHOP) == "second-secret"


def test_a_change_during_a_reboot_is_refused(shop: Rds) -> None:
    shop.api.reboot_db_instance("shop")
    with pytest.raises(ServiceException, match="not in available state: shop is rebooting"):
        shop.api.modify_db_instance("shop", {"master_user_password": "second-secret"})


def test_stop_and_start_keep_the_data(shop: Rds) -> None:
    shop.api.stop_db_instance("shop")
    assert shop.status() == "stopping"
    shop.settle()
    assert (shop.status(), shop.podman.running) == ("stopped", set())
    shop.api.start_db_instance("shop")
    shop.settle()
    assert shop.status() == "available"
    assert shop.data().read_text() == "1"


def test_a_database_that_died_runs_again(shop: Rds) -> None:
    shop.podman.running.clear()
    shop.settle()
    assert shop.podman.running == {SHOP}


def test_the_data_of_an_earlier_lab_is_adopted_with_the_new_password(shop: Rds, desk: Lab) -> None:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    again = Rds(desk, shop.podman)
    again.settle()
    assert again.podman.containers == {}
    again.create(master_user_password="third-secret")
    again.settle()
    assert again.data().read_text() == "1"
    assert again.podman.password(SHOP) == "third-secret"


def test_deleting_takes_container_data_and_address(shop: Rds) -> None:
    ip = shop.podman.containers[SHOP].ip
    shop.api.delete_db_instance("shop", skip_final_snapshot=True)
    assert shop.status() == "deleting"
    shop.settle()
    assert not shop.api.databases
    assert not shop.podman.containers
    assert not shop.podman.volume(SHOP).exists()
    assert ip not in shop.lab.world.addresses


def test_the_address_of_a_deleted_database_is_given_to_the_next(shop: Rds) -> None:
    ip = shop.podman.containers[SHOP].ip
    shop.api.delete_db_instance("shop", skip_final_snapshot=True)
    shop.settle()
    shop.create(db_instance_identifier="next")
    shop.settle()
    assert [each.ip for each in shop.podman.containers.values()] == [ip]


def test_deletion_asks_for_a_final_snapshot_or_a_clear_no(shop: Rds) -> None:
    with pytest.raises(ServiceException, match="FinalDBSnapshotIdentifier is required"):
        shop.api.delete_db_instance("shop")
    assert shop.status() == "available"


def test_a_final_snapshot_has_the_data_of_the_deleted_database(shop: Rds) -> None:
    shop.api.delete_db_instance("shop", final_db_snapshot_identifier="final")
    shop.settle()
    assert not shop.api.databases
    assert shop.api.database_snapshots["final"].status == "available"
    assert shop.data("bakehouse-lab7-rds.snapshot-final").read_text() == "1"


def test_a_restored_database_has_the_data_as_it_was_then(shop: Rds) -> None:
    shop.api.create_db_snapshot("shop", "friday")
    assert shop.api.database_snapshots["friday"].status == "creating"
    shop.settle()
    shop.data().write_text("2")
    shop.api.restore_db_instance_from_db_snapshot("friday", {"db_instance_identifier": "copy"})
    shop.settle()
    assert shop.status("copy") == "available"
    assert shop.data("bakehouse-lab7-rds-copy").read_text() == "1"
    assert shop.podman.password("bakehouse-lab7-rds-copy") == "first-secret"
    assert not shop.podman.paused


def test_a_deleted_snapshot_leaves_nothing(shop: Rds) -> None:
    shop.api.create_db_snapshot("shop", "friday")
    shop.settle()
    shop.api.delete_db_snapshot("friday")
    shop.settle()
    assert not shop.api.database_snapshots
    assert not shop.podman.volume("bakehouse-lab7-rds.snapshot-friday").exists()


def test_no_snapshot_is_claimed_that_was_not_taken(shop: Rds) -> None:
    assert not shop.api.describe_db_snapshots(None)


def test_a_managed_password_is_random_and_the_databases_own(rds: Rds) -> None:
    made = rds.create(master_user_password=None, manage_master_user_password=True)
    rds.settle()
    kept = json.loads(made.master_user_secret.secret.secret_string)
    assert kept["username"] == "app"
    assert len(kept["password"]) == 28
    assert rds.podman.password(SHOP) == kept["password"]


def test_rotating_a_managed_password_changes_it_in_secret_and_database(rds: Rds) -> None:
    made = rds.create(master_user_password=None, manage_master_user_password=True)
    rds.settle()
    before = rds.podman.password(SHOP)
    rds.api.modify_db_instance(
        "shop", {"rotate_master_user_password": True, "apply_immediately": True}
    )
    rds.settle()
    secret = rds.lab.world.backend("secretsmanager").get_secret_value(
        made.master_user_secret.secret_arn, None, None
    )
    after = json.loads(secret["SecretString"])["password"]
    assert after != before
    assert rds.podman.password(SHOP) == after


REFUSED = [
    ("an engine that is no MySQL", {"engine": "postgres"}, "runs no engine 'postgres'"),
    ("a password that is too short", {"master_user_password": "short"}, "8 to 41"),
    ("a character that RDS refuses", {"master_user_password": "with/slash-1"}, "8 to 41"),
    ("no password at all", {"master_user_password": None}, "8 to 41"),
    ("no user", {"master_username": None}, "MasterUsername is required"),
    (
        "a password beside a managed one",
        {"manage_master_user_password": True},
        "can't specify MasterUserPassword",
    ),
]


@pytest.mark.parametrize(("reason", "asked", "said"), REFUSED)
def test_what_rds_would_refuse_is_refused(
    rds: Rds, reason: str, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ServiceException, match=said):
        rds.create(**asked)
    assert not rds.api.databases, reason


def test_a_cluster_is_not_pretended(rds: Rds) -> None:
    with pytest.raises(NotImplementedError):
        rds.api.create_db_cluster({"db_cluster_identifier": "aurora"})
