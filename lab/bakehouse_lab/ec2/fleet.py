"""The loop of EC2: look at records and hosts, decide for each instance, act."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from bakehouse_lab.ec2 import records
from bakehouse_lab.ec2.hosts import Blueprint
from bakehouse_lab.ec2.lifecycle import (
    OUR_FAULT,
    Ending,
    Forget,
    Halt,
    Host,
    Launch,
    Remove,
    Restart,
    Start,
    State,
    Step,
    Stopped,
    Terminated,
    decide,
)
from bakehouse_lab.loop import Loop
from bakehouse_lab.podman import PodmanFailed
from bakehouse_lab.world import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from bakehouse_lab.ec2.hosts import Hosts
    from bakehouse_lab.lab import Lab
    from bakehouse_lab.podman import Seen

log = logging.getLogger("bakehouse_lab")


class Fleet:
    """Keeps the hosts of one lab as its records say."""

    def __init__(self, lab: Lab, hosts: Hosts) -> None:
        """Work for one lab and its `hosts`."""
        self._lab, self.hosts = lab, hosts
        self.loop = Loop("ec2", self.step)

    def step(self) -> None:
        """Look at everything once, and start what has to be done."""
        # An errand that ends between the looks at hosts and records changes both: of its host we
        # know only what was.
        changing = self._lab.errands.under_way()
        hosts = self.hosts.all()
        with self._lab.world.lock:
            known = {each.id: each for each in records.every(self._lab.world.backend("ec2"))}
            for instance in known.values():
                if instance.id not in changing:
                    self._one(instance, hosts.get(instance.id))
        for orphan in set(hosts) - set(known) - changing:
            self._orphan(orphan)

    def watch(self) -> None:
        """Look again as soon as a host ends by itself; returns at once."""
        threading.Thread(target=self._follow, name="ec2-deaths", daemon=True).start()

    # -- one instance, under the lock

    def _one(self, instance: Any, seen: Seen | None) -> None:
        if self._lab.errands.busy(instance.id):
            return
        self._claim(instance)
        if seen and seen.running:
            self._check_reachable(instance, seen)
        host = Host(seen.running, seen.exit_code) if seen else None
        step = decide(records.record(instance), host, time.time())
        if step is not None:
            self._act(instance, step)

    def _act(self, instance: Any, step: Step) -> None:
        match step:
            case Stopped(code, message):
                log.info("%s: stopped (%s)", instance.id, message or instance.state_reason.message)
                records.move(instance, State.STOPPED, code, message)
            case Ending(code, message):
                log.warning("%s: %s", instance.id, message)
                records.move(instance, State.SHUTTING_DOWN, code, message)
                self.loop.kick()
            case Terminated():
                log.info("%s: terminated", instance.id)
                records.give_back(instance)
                self._lab.world.release(instance.id)
                self._lab.kick()
            case Forget():
                records.forget(instance)
            case _:
                self._act_on_host(instance, step)

    def _act_on_host(self, instance: Any, step: Step) -> None:
        hosts, name = self.hosts, instance.id
        match step:
            case Launch():
                plan = blueprint(instance)
                self._errand(instance, step, lambda: hosts.launch(plan), _is_up)
            case Start():
                self._errand(instance, step, lambda: hosts.start(name), _is_up)
            case Restart():
                self._errand(instance, step, lambda: self._restart(name), _is_up)
            case Halt(forced):
                self._errand(instance, step, lambda: hosts.stop(name, forced=forced))
            case Remove():
                self._errand(instance, step, lambda: hosts.remove(name))

    def _restart(self, instance_id: str) -> None:
        self.hosts.stop(instance_id)
        self.hosts.start(instance_id)

    def _errand(
        self,
        instance: Any,
        step: Step,
        do: Callable[[], None],
        after: Callable[[Any], None] = lambda instance: None,
    ) -> None:
        def errand() -> None:
            began = time.monotonic()
            try:
                do()
            except Exception as failed:
                log.warning("%s: %s failed: %s", instance.id, type(step).__name__, failed)
                with self._lab.world.lock:
                    _has_failed(instance, failed)
                if not isinstance(failed, PodmanFailed):
                    raise
                return
            with self._lab.world.lock:
                after(instance)
            took = time.monotonic() - began
            log.info("%s: %s took %.2f s", instance.id, type(step).__name__.lower(), took)

        self._lab.errands.run(instance.id, errand, then=self._lab.kick)

    def _claim(self, instance: Any) -> None:
        if State(instance.state) is State.TERMINATED:
            return
        self._lab.world.claim(
            Address(
                ip=instance.private_ip,
                owner=instance.id,
                vpc_id=instance.vpc_id,
                security_groups=tuple(group.id for group in instance.security_groups),
                container=self.hosts.name(instance.id),
            )
        )

    def _check_reachable(self, instance: Any, seen: Seen) -> None:
        notes = records.asked(instance)
        if not notes.reachable and self.hosts.reachable(seen):
            notes.reachable = True
            self._lab.kick()

    # -- hosts without a record

    def _orphan(self, instance_id: str) -> None:
        """Left by an earlier process: the record died with it, so nobody can ask for it again."""
        log.warning("%s: left behind by an earlier run of the lab, removing it", instance_id)
        self._lab.errands.run(
            instance_id, lambda: self.hosts.remove(instance_id), then=self._lab.kick
        )

    def _follow(self) -> None:
        events = self._lab.podman.deaths()
        for line in events.stdout or ():
            if json.loads(line):
                self._lab.podman.look_again()
                self.loop.kick()


def blueprint(instance: Any) -> Blueprint:
    """What a host of this instance is made from; hold the world's lock."""
    backend = instance.ec2_backend
    size = INSTANCE_TYPES[instance.instance_type]
    return Blueprint(
        id=instance.id,
        image=instance.container_image,
        cidr=backend.get_vpc(instance.vpc_id).cidr_block,
        ip=instance.private_ip,
        dns_name=instance.private_dns_name,
        memory_mib=size["MemoryInfo"]["SizeInMiB"],
        cpus=size["VCpuInfo"]["DefaultVCpus"],
    )


def _is_up(instance: Any) -> None:
    notes = records.asked(instance)
    notes.reboot, notes.reachable, notes.failure = False, False, ""
    if State(instance.state) is State.PENDING:
        records.move(instance, State.RUNNING)


def _has_failed(instance: Any, failed: Exception) -> None:
    """Only a host that cannot come up is given up; stopping and removing are tried again."""
    if State(instance.state) in (State.PENDING, State.RUNNING):
        records.asked(instance).failure = str(failed)[:400] or OUR_FAULT
