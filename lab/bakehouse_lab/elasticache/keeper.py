"""Makes caches be what their records say: looks, decides (`decide`), and does it as errands."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

from bakehouse_lab import endpoint
from bakehouse_lab.elasticache import redis
from bakehouse_lab.elasticache.decide import Node, Verb, decide, group_status
from bakehouse_lab.world import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.elasticache.decide import Action
    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab.elasticache")


class Keeper:
    """One for each lab. Errands of one node never overlap."""

    def __init__(self, lab: Lab, clock: Callable[[], float] = time.time) -> None:
        """Keep the caches of `lab`."""
        self._lab = lab
        self._clock = clock
        self._verbs: dict[Verb, Callable[[str], None]] = {
            Verb.CREATE: self._create,
            Verb.DISPOSE: self._dispose,
            Verb.DISCARD: self._discard,
            Verb.GIVE_UP: self._give_up,
        }

    def step(self, then: Callable[[], None]) -> None:
        """Look, decide, and begin what can be begun; `then` is called when one has ended well."""
        containers = {each.id: each.running for each in self._lab.podman.list(redis.KIND)}
        with self._lab.world.lock:
            records = self._backend().cache_clusters.values()
            for record in records:
                if record.cache_cluster_status in ("creating", "available"):
                    self._stand(record)
            nodes = [
                Node(each.cache_cluster_id, each.cache_cluster_status, each.backing.since)
                for each in records
            ]
            actions = decide(nodes, containers, self._clock())
            self._settle_groups()
        for action in actions:
            self._begin(action, then)

    def _begin(self, action: Action, then: Callable[[], None]) -> None:
        """What fails is tried again when the loop looks by itself, not at once."""
        ended = Event()

        def errand() -> None:
            began = self._clock()
            self._verbs[action.verb](action.id)
            log.info("%s: %s (%.1f s)", action.id, action.verb.name.lower(), self._clock() - began)
            ended.set()

        self._lab.errands.run(
            f"cache {action.id}", errand, lambda: then() if ended.is_set() else None
        )

    # -- under the lock

    def _stand(self, record: Any) -> None:
        """See that a node has its address and that all know it; replicas ask for the primary's."""
        world = self._lab.world
        if record.backing.place is None:
            group = self._backend().cache_subnet_groups.get(record.cache_subnet_group_name)
            subnets = group.subnet_ids if group else []
            zone = record.preferred_availability_zone
            try:
                place = endpoint.take(world, subnets, record.arn, zone)
            except endpoint.NoAddressLeft as none:
                log.error("%s: %s", record.cache_cluster_id, none)
                record.cache_cluster_status = "create-failed"
                return
            record.backing = replace(record.backing, place=place)
        place = record.backing.place
        groups = tuple(record.security_group_ids) or endpoint.default_groups(world, place.vpc_id)
        name = redis.container_name(self._lab.settings, record.cache_cluster_id)
        world.claim(Address(place.ip, record.arn, place.vpc_id, groups, name))

    def _settle_groups(self) -> None:
        backend = self._backend()
        for group in list(backend.replication_groups.values()):
            id = group.replication_group_id
            members = [each.cache_cluster_status for each in backend.members(id)]
            status = group_status(group.status, members)
            if status is None:
                del backend.replication_groups[id]
            else:
                group.status = status

    def _spec(self, id: str) -> redis.Spec:
        clusters = self._backend().cache_clusters
        record = clusters[id]
        backing = record.backing
        return redis.Spec(
            id,
            backing.names,
            int(record.port),
            backing.place,
            backing.token,
            bool(record.transit_encryption_enabled),
            clusters[backing.follows].backing.place.ip if backing.follows else None,
        )

    # -- errands: not under the lock

    def _create(self, id: str) -> None:
        podman, settings = self._lab.podman, self._lab.settings
        name = redis.container_name(settings, id)
        with self._lab.world.lock:
            status, spec = self._backend().cache_clusters[id].cache_cluster_status, self._spec(id)
        seen = podman.seen(name)
        if status == "available" and seen and seen.running:
            return  # it had been started between the look at podman and that at the records
        network, _ = self._lab.network(spec.place.vpc_cidr)
        files = endpoint.certify(settings, settings.runtime / "elasticache" / id, spec.names)
        endpoint.write_secret(files / "redis.conf", redis.configuration(spec))
        endpoint.write_secret(files / "token", spec.token or "")
        podman.create(redis.container(settings, spec, network, files))
        podman.start(name)
        podman.execute(name, "timeout", "60", "sh", "-c", redis.until_it_answers(spec))
        self._turn(id, "creating", "available")

    def _dispose(self, id: str) -> None:
        self._lab.podman.remove(redis.container_name(self._lab.settings, id))
        with self._lab.world.lock:
            record = self._backend().cache_clusters.pop(id)
            self._lab.world.release(record.arn)
            if record.backing.place:
                endpoint.give_back(self._lab.world, record.backing.place)

    def _discard(self, id: str) -> None:
        log.warning("%s: nobody knows this cache any more; it goes", id)
        self._lab.podman.remove(redis.container_name(self._lab.settings, id))

    def _give_up(self, id: str) -> None:
        name = redis.container_name(self._lab.settings, id)
        log.error("%s: does not answer; see: podman logs %s", id, name)
        self._turn(id, "creating", "create-failed")

    def _turn(self, id: str, status: str, end: str) -> None:
        """Write down that `status` has ended, unless something else was wanted meanwhile."""
        with self._lab.world.lock:
            record = self._backend().cache_clusters.get(id)
            if record and record.cache_cluster_status == status:
                record.cache_cluster_status = end

    def _backend(self) -> Any:
        return self._lab.world.backend("elasticache")
