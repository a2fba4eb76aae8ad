"""RDS's API: moto's records, with the statuses that a real database goes through.

Nothing here waits or runs podman: an API call writes down what is wanted, and the keeper does it.
What the lab cannot do for real is refused by name, so that nobody takes it for done.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.rds.exceptions import (
    DBInstanceNotFoundError,
    DBSnapshotNotFoundFault,
    InvalidDBInstanceStateFault,
    InvalidParameterCombination,
    RDSClientError,
)
from moto.rds.models import RDSBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.endpoint import Place

ENGINES = ("mysql", "mariadb")
FORBIDDEN_IN_PASSWORDS = re.compile(r"[/@\"\s]|[^\x20-\x7e]")
REFUSED = (
    "copy_db_snapshot",
    "create_blue_green_deployment",
    "create_db_cluster",
    "create_db_instance_read_replica",
    "create_db_proxy",
    "create_db_shard_group",
    "create_global_cluster",
    "restore_db_cluster_from_snapshot",
    "restore_db_cluster_to_point_in_time",
    "restore_db_instance_to_point_in_time",
    "start_export_task",
)


@dataclass(slots=True)
class Backing:
    """What the lab notes on a record of moto's: `record.backing`."""

    since: float  # when the present status began, seconds
    place: Place | None = None  # taken when the database is first made
    source: str | None = None  # the snapshot that its data comes from
    deletion: dict[str, Any] = field(default_factory=dict)  # what DeleteDBInstance said


class LabRDSBackend(RDSBackend):  # type: ignore[misc] # moto ships no types
    """moto's backend; each override says only what differs."""

    # moto finds a backend's URLs beside its module, and its service in its name.
    __module__ = RDSBackend.__module__

    clock: Callable[[], float] = staticmethod(time.time)

    def create_db_instance(self, db_kwargs: dict[str, Any]) -> Any:
        """Creating, until it answers; engines and passwords that RDS refuses are refused."""
        _check_engine(db_kwargs)
        _check_credentials(db_kwargs)
        record = super().create_db_instance(db_kwargs)
        if not db_kwargs.get("vpc_security_group_ids") and hasattr(record, "db_subnet_group"):
            # moto names the default VPC's group, whatever VPC the subnets are in.
            ec2 = self.get_backend("ec2", self.region_name, self.account_id)
            group = ec2.get_default_security_group(record.db_subnet_group.vpc_id)
            record.vpc_security_group_ids = [group.id] if group else []
        record.dbi_resource_id = f"db-{secrets.token_hex(13).upper()}"
        record.backing = Backing(self.clock())
        self._turn(record, "creating")
        return record

    def modify_db_instance(self, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        """Modifying, until a new password is in force."""
        record = self._in_status(db_instance_identifier, "available")
        if db_kwargs.get("new_db_instance_identifier"):
            raise RDSClientError(
                "InvalidParameterCombination", "The lab does not rename databases; make a new one."
            )
        password = db_kwargs.get("master_user_password")
        if password is not None:
            _check_password(password)
        before = _password(record)
        super().modify_db_instance(db_instance_identifier, db_kwargs)
        changed = _password(record) != before
        self._turn(record, "resetting-master-credentials" if changed else "modifying")
        return record

    def reboot_db_instance(self, db_instance_identifier: str) -> Any:
        """Rebooting, until it answers again."""
        record = self._in_status(db_instance_identifier, "available")
        self._turn(record, "rebooting")
        return record

    def stop_db_instance(
        self, db_instance_identifier: str, db_snapshot_identifier: str | None = None
    ) -> Any:
        """Stopping, until it has ended in peace."""
        record = super().stop_db_instance(db_instance_identifier, db_snapshot_identifier)
        self._turn(record, "stopping")
        return record

    def start_db_instance(self, db_instance_identifier: str) -> Any:
        """Starting, until it answers."""
        record = super().start_db_instance(db_instance_identifier)
        self._turn(record, "starting")
        return record

    def delete_db_instance(
        self,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        **others: Any,
    ) -> Any:
        """Deleting, until the final snapshot is copied and the data is gone."""
        record = self._record(db_instance_identifier)
        if record.status == "deleting":
            raise InvalidDBInstanceStateFault(
                f"Instance {db_instance_identifier} is already being deleted."
            )
        if record.deletion_protection:
            raise InvalidParameterCombination(
                "Cannot delete protected DB Instance, please disable deletion protection and try "
                "again."
            )
        if bool(final_db_snapshot_identifier) == bool(skip_final_snapshot):
            raise InvalidParameterCombination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and "
                "cannot be specified with it."
            )
        if final_db_snapshot_identifier:
            self.create_db_snapshot(db_instance_identifier, final_db_snapshot_identifier)
        record.backing.deletion = others
        self._turn(record, "deleting")
        return record

    def forget_db_instance(self, db_instance_identifier: str) -> None:
        """The end of a deletion: the record goes, with its managed secret."""
        record = self._record(db_instance_identifier)
        super().delete_db_instance(
            db_instance_identifier, skip_final_snapshot=True, **record.backing.deletion
        )

    def create_db_snapshot(self, *args: Any, **kwargs: Any) -> Any:
        """Creating, until its data is copied."""
        snapshot = super().create_db_snapshot(*args, **kwargs)
        snapshot.status = "creating"
        return snapshot

    def create_auto_snapshot(self, *_: Any, **__: Any) -> None:
        """None are taken: an automated snapshot without data would be worse than none."""

    def delete_db_snapshot(self, db_snapshot_identifier: str) -> Any:
        """Its data goes first, then the record."""
        snapshot = self.database_snapshots.get(db_snapshot_identifier)
        if snapshot is None:
            raise DBSnapshotNotFoundFault(db_snapshot_identifier)
        snapshot.status = "deleting"
        return snapshot

    def forget_db_snapshot(self, db_snapshot_identifier: str) -> None:
        """The end of a deletion."""
        super().delete_db_snapshot(db_snapshot_identifier)

    def restore_db_instance_from_db_snapshot(
        self, from_snapshot_id: str, overrides: dict[str, Any]
    ) -> Any:
        """A new database whose data is a copy of the snapshot's."""
        snapshot = self.database_snapshots.get(from_snapshot_id.rpartition(":")[2])
        if snapshot is None:
            raise DBSnapshotNotFoundFault(from_snapshot_id)
        if snapshot.status != "available":
            raise RDSClientError(
                "InvalidDBSnapshotState",
                f"Snapshot {from_snapshot_id} is {snapshot.status}, wanted available.",
            )
        record = super().restore_db_instance_from_db_snapshot(from_snapshot_id, overrides)
        record.backing.source = snapshot.db_snapshot_identifier
        return record

    def _record(self, identifier: str) -> Any:
        record = self.databases.get(identifier)
        if record is None:
            raise DBInstanceNotFoundError(identifier)
        return record

    def _in_status(self, identifier: str, wanted: str) -> Any:
        record = self._record(identifier)
        if record.status != wanted:
            raise RDSClientError(
                "InvalidDBInstanceState",
                f"Database instance is not in {wanted} state: {identifier} is {record.status}.",
            )
        return record

    def _turn(self, record: Any, status: str) -> None:
        record.status = status
        record.backing.since = self.clock()


def _refuse(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


for _action in REFUSED:
    setattr(LabRDSBackend, _action, _refuse)


def _check_engine(wanted: dict[str, Any]) -> None:
    engine = str(wanted.get("engine", "")).lower()
    if engine not in ENGINES:
        raise RDSClientError(
            "InvalidParameterValue",
            f"The lab runs no engine {engine!r}: it has {' and '.join(ENGINES)} (both MariaDB).",
        )
    wanted["engine"] = engine


def _check_credentials(wanted: dict[str, Any]) -> None:
    managed, password = (
        wanted.get("manage_master_user_password"),
        wanted.get("master_user_password"),
    )
    if not wanted.get("master_username"):
        raise InvalidParameterCombination("MasterUsername is required.")
    if managed and password and not wanted.get("master_user_secret"):
        raise InvalidParameterCombination(
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword "
            "enabled."
        )
    if not managed:
        _check_password(password or "")


def _check_password(password: str) -> None:
    if not 8 <= len(password) <= 41 or FORBIDDEN_IN_PASSWORDS.search(password):
        raise RDSClientError(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password: wanted 8 to 41 printable "
            "ASCII characters besides '/', '@', '\"' and ' '.",
        )


def _password(record: Any) -> str | None:
    password: str | None = getattr(record, "_master_user_password", None)
    return password
