"""Makes databases be what their records say: looks, decides (`decide`), and does it as errands."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import TYPE_CHECKING, Any

from bakehouse_lab import endpoint
from bakehouse_lab.rds import mariadb, volumes
from bakehouse_lab.rds.decide import Database, Snapshot, Verb, decide
from bakehouse_lab.world import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.lab import Lab
    from bakehouse_lab.rds.decide import Action

log = logging.getLogger("bakehouse_lab.rds")

STOP_GRACE_SECONDS = 20
UNTIL_IT_ANSWERS = "until mariadb-admin --silent ping >/dev/null 2>&1; do sleep 0.1; done"


class Keeper:
    """One for each lab. Errands of one database never overlap."""

    def __init__(self, lab: Lab, clock: Callable[[], float] = time.time) -> None:
        """Keep the databases of `lab`."""
        self._lab = lab
        self._clock = clock
        self._verbs: dict[Verb, Callable[[str], None]] = {
            Verb.CREATE: self._create,
            Verb.BRING_UP: self._bring_up,
            Verb.REBOOT: self._reboot,
            Verb.STOP: self._stop,
            Verb.DISPOSE: self._dispose,
            Verb.DISCARD: self._discard,
            Verb.COPY: self._copy,
            Verb.ERASE: self._erase,
            Verb.GIVE_UP: self._give_up,
        }

    def step(self, then: Callable[[], None]) -> None:
        """Look, decide, and begin what can be begun; `then` is called when one has ended well."""
        containers = {each.id: each.running for each in self._lab.podman.list(mariadb.KIND)}
        with self._lab.world.lock:
            self._claim_addresses()
            actions = decide(*self._records(), containers, self._clock())
        for action in actions:
            self._begin(action, then)

    def _records(self) -> tuple[list[Database], list[Snapshot]]:
        backend = self._backend()
        databases = [
            Database(each.db_instance_identifier, each.status, each.backing.since)
            for each in backend.databases.values()
        ]
        snapshots = [
            Snapshot(each.db_snapshot_identifier, each.status, each.db_instance_identifier)
            for each in backend.database_snapshots.values()
        ]
        return databases, snapshots

    def _key(self, action: Action) -> str:
        id = action.id
        if action.verb in (Verb.COPY, Verb.ERASE):
            with self._lab.world.lock:
                snapshot = self._backend().database_snapshots.get(id)
                id = snapshot.db_instance_identifier if snapshot else id
        return f"database {id}"

    def _begin(self, action: Action, then: Callable[[], None]) -> None:
        """What fails is tried again when the loop looks by itself, not at once."""
        ended = Event()

        def errand() -> None:
            began = self._clock()
            self._verbs[action.verb](action.id)
            log.info("%s: %s (%.1f s)", action.id, action.verb.name.lower(), self._clock() - began)
            ended.set()

        self._lab.errands.run(self._key(action), errand, lambda: then() if ended.is_set() else None)

    # -- errands: not under the lock

    def _create(self, id: str) -> None:
        with self._lab.world.lock:
            source = self._record(id).backing.source
            spec = self._spec(self._record(id))
        if source:
            settings = self._lab.settings
            volumes.copy(
                self._lab.podman,
                mariadb.snapshot_volume(settings, source),
                mariadb.container_name(settings, id),
            )
        self._make(spec)
        self._set_up(spec)
        self._finish(id, "creating", "available")

    def _bring_up(self, id: str) -> None:
        with self._lab.world.lock:
            record = self._record(id)
            status, spec = record.status, self._spec(record)
        seen = self._lab.podman.seen(self._name(id))
        if seen is None:
            self._make(spec)
        elif not seen.running:
            self._lab.podman.start(self._name(id))
        self._set_up(spec)
        self._finish(id, status, "available")

    def _reboot(self, id: str) -> None:
        self._lab.podman.stop(self._name(id), STOP_GRACE_SECONDS)
        self._bring_up(id)

    def _stop(self, id: str) -> None:
        self._lab.podman.stop(self._name(id), STOP_GRACE_SECONDS)
        self._finish(id, "stopping", "stopped")

    def _dispose(self, id: str) -> None:
        self._lab.podman.remove(self._name(id))
        self._lab.podman.remove_volume(self._name(id))
        with self._lab.world.lock:
            record = self._record(id)
            self._lab.world.release(record.arn)
            if record.backing.place:
                endpoint.give_back(self._lab.world, record.backing.place)
            self._backend().forget_db_instance(id)

    def _discard(self, id: str) -> None:
        log.warning("%s: nobody knows this database any more; its data stays for the next", id)
        self._lab.podman.remove(self._name(id))

    def _copy(self, id: str) -> None:
        with self._lab.world.lock:
            source = self._name(self._backend().database_snapshots[id].db_instance_identifier)
        with volumes.frozen(self._lab.podman, source):
            target = mariadb.snapshot_volume(self._lab.settings, id)
            volumes.copy(self._lab.podman, source, target)
        with self._lab.world.lock:
            snapshot = self._backend().database_snapshots.get(id)
            if snapshot and snapshot.status == "creating":
                snapshot.status = "available"

    def _erase(self, id: str) -> None:
        self._lab.podman.remove_volume(mariadb.snapshot_volume(self._lab.settings, id))
        with self._lab.world.lock:
            self._backend().forget_db_snapshot(id)

    def _give_up(self, id: str) -> None:
        log.error("%s: does not answer; see: podman logs %s", id, self._name(id))
        with self._lab.world.lock:
            self._record(id).status = "failed"

    # -- what errands are made of

    def _make(self, spec: mariadb.Spec) -> None:
        podman, settings = self._lab.podman, self._lab.settings
        name, _ = self._lab.network(spec.place.vpc_cidr)
        podman.ensure_volume(self._name(spec.id))
        folder = settings.runtime / "rds" / spec.id
        files = endpoint.certify(settings, folder, [spec.endpoint])
        podman.create(mariadb.container(settings, spec, name, files))
        podman.start(self._name(spec.id))

    def _set_up(self, spec: mariadb.Spec) -> None:
        name = self._name(spec.id)
        self._lab.podman.execute(name, "timeout", "90", "sh", "-c", UNTIL_IT_ANSWERS)
        self._lab.podman.execute(name, "mariadb", "--no-defaults", stdin=mariadb.setup(spec))

    def _finish(self, id: str, status: str, end: str) -> None:
        """Write down that `status` has ended, unless something else was wanted meanwhile."""
        with self._lab.world.lock:
            record = self._backend().databases.get(id)
            if record and record.status == status:
                record.status = end

    def _claim_addresses(self) -> None:
        for record in self._backend().databases.values():
            place = record.backing.place
            if place:
                self._lab.world.claim(
                    Address(
                        place.ip,
                        record.arn,
                        place.vpc_id,
                        tuple(record.vpc_security_group_ids),
                        self._name(record.db_instance_identifier),
                    )
                )

    def _spec(self, record: Any) -> mariadb.Spec:
        group = getattr(record, "db_subnet_group", None)
        if record.backing.place is None:
            subnets = [each["SubnetIdentifier"] for each in group.subnets] if group else []
            record.backing.place = endpoint.take(
                self._lab.world, subnets, record.arn, record.availability_zone
            )
            self._claim_addresses()
        return mariadb.Spec(
            record.db_instance_identifier,
            record.address,
            int(record.port),
            record.backing.place,
            record.master_username,
            getattr(record, "_master_user_password", None),
            record.db_name,
        )

    def _name(self, id: str) -> str:
        return mariadb.container_name(self._lab.settings, id)

    def _record(self, id: str) -> Any:
        return self._backend().databases[id]

    def _backend(self) -> Any:
        return self._lab.world.backend("rds")
