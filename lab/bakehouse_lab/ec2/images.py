"""AMIs: container images, with a record beside each that outlives the process.

An AMI that was asked for is `pending` until its disk is committed; whether that went well is
decided by looking (`available` when the image is there), not by remembering.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from moto.ec2.models.amis import Ami

from bakehouse_lab.ec2 import account, ami_calls, records
from bakehouse_lab.ec2.ami_record import AmiRecord
from bakehouse_lab.ec2.hosts import KIND
from bakehouse_lab.ec2.lifecycle import State
from bakehouse_lab.loop import Loop
from bakehouse_lab.settings import BASE_IMAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.ec2.hosts import Hosts
    from bakehouse_lab.lab import Lab

log = logging.getLogger("bakehouse_lab")

LABEL = "bakehouse.ami"


def serve(lab: Lab, hosts: Hosts) -> Sequence[Loop]:
    """Load the base images and the lab's own AMIs, and keep them."""
    ami_calls.extend(lab.kick)
    images = Images(lab, hosts)
    images.load()
    return [images.loop]


class Images:
    """The AMIs of one lab."""

    def __init__(self, lab: Lab, hosts: Hosts) -> None:
        """Work for one lab and its `hosts`; nothing is loaded yet."""
        self._lab, self._hosts = lab, hosts
        self._folder = lab.settings.state / "amis"
        self._saved: dict[str, AmiRecord] = {}
        self._bases: set[str] = set()
        self.loop = Loop("images", self.step, interval=5)

    def load(self) -> None:
        """Put into moto what is on this machine."""
        self._add_bases()
        for name, labels in self._lab.podman.images(LABEL).items():
            repository, _, ami_id = name.rpartition(":")
            if repository != self._repository:
                continue
            record = self._read(ami_id, labels[LABEL])
            if record is None:
                log.warning("%s: no record of this AMI can be read, leaving it alone", name)
                continue
            with self._lab.world.lock:
                ami = record.restore(self._lab.world.backend("ec2"), Ami)
                ami.container_image = name
            self._saved[ami_id] = record

    def step(self) -> None:
        """Commit what is pending, write down what changed, remove what was deregistered."""
        if len(self._bases) < len(BASE_IMAGES):
            self._add_bases()
        with self._lab.world.lock:
            amis = self._lab.world.backend("ec2").amis
            own = {ami.id: ami for ami in amis.values() if ami.owner_id != account.DEBIAN}
            for ami in own.values():
                if ami.state == "pending":
                    self._make(ami)
            whole = {ami.id: AmiRecord.of(ami) for ami in own.values() if ami.container_image}
        for ami_id, record in whole.items():
            if self._saved.get(ami_id) != record:
                self._save(record)
        for gone in set(self._saved) - set(own):
            self._remove(gone)

    # -- making

    def _make(self, ami: Any) -> None:
        if ami.copied_from:
            self._lab.errands.run(ami.id, lambda: self._copy(ami), then=self._lab.kick)
            return
        instance = self._lab.world.backend("ec2").get_instance_by_id(ami.instance_id)
        if instance is None or State(instance.state) in (State.SHUTTING_DOWN, State.TERMINATED):
            _fail(ami, "its instance is gone")
        elif State(instance.state) in (State.RUNNING, State.STOPPED):
            # Under the instance's own key: nothing else happens to the host meanwhile.
            self._lab.errands.run(
                instance.id, lambda: self._commit(ami, instance.id), then=self._lab.kick
            )

    def _commit(self, ami: Any, instance_id: str) -> None:
        began = time.monotonic()
        container, image = self._hosts.name(instance_id), f"{self._repository}:{ami.id}"
        with self._lab.world.lock:
            label = AmiRecord.of(ami).to_label()
        try:
            seen = self._lab.podman.seen(container)
            shut_down = seen is not None and seen.running and not ami.no_reboot
            if shut_down:
                self._hosts.stop(instance_id)
            try:
                self._lab.podman.commit(
                    container, image, {LABEL: label}, pause=seen is not None and seen.running
                )
            finally:
                if shut_down:
                    self._hosts.start(instance_id)
                    self._unreachable(instance_id)
        except Exception as failed:
            with self._lab.world.lock:
                _fail(ami, str(failed)[:400])
            raise
        self._available(ami, image)
        log.info("%s: made from %s in %.1f s", ami.id, instance_id, time.monotonic() - began)

    def _copy(self, ami: Any) -> None:
        image = f"{self._repository}:{ami.id}"
        try:
            self._lab.podman.tag(ami.copied_from, image)
        except Exception as failed:
            with self._lab.world.lock:
                _fail(ami, str(failed)[:400])
            raise
        self._available(ami, image)

    def _available(self, ami: Any, image: str) -> None:
        with self._lab.world.lock:
            ami.container_image, ami.state = image, "available"
            record = AmiRecord.of(ami)
        self._save(record)

    def _unreachable(self, instance_id: str) -> None:
        with self._lab.world.lock:
            instance = self._lab.world.backend("ec2").get_instance_by_id(instance_id)
            if instance is not None:
                records.asked(instance).reachable = False

    # -- keeping

    @property
    def _repository(self) -> str:
        return f"localhost/{self._lab.settings.prefix}/ami"

    def _add_bases(self) -> None:
        for distribution, (image, created) in account.base_images(self._lab.podman).items():
            record = account.base_record(distribution, created)
            with self._lab.world.lock:
                account.add_base(self._lab.world.backend("ec2"), record, image)
            self._bases.add(distribution)

    def _read(self, ami_id: str, label: str) -> AmiRecord | None:
        file = self._folder / f"{ami_id}.json"
        try:
            if file.exists():
                return AmiRecord.from_json(file.read_text())
            record = AmiRecord.from_label(label)
        except ValueError as unreadable:
            log.warning("%s: %s", file, unreadable)
            return None
        return record if record.id == ami_id else None

    def _save(self, record: AmiRecord) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f".{record.id}.json"
        fresh.write_text(record.to_json())
        fresh.replace(self._folder / f"{record.id}.json")
        self._saved[record.id] = record

    def _remove(self, ami_id: str) -> None:
        """Take the image away once no host is made of it: AWS lets those run on, too."""
        image = f"{self._repository}:{ami_id}"
        if any(seen.image == image for seen in self._lab.podman.list(KIND)):
            return
        self._lab.podman.remove_image(image)
        (self._folder / f"{ami_id}.json").unlink(missing_ok=True)
        del self._saved[ami_id]


def _fail(ami: Any, why: str) -> None:
    ami.state = "failed"
    ami.state_reason = {"Code": "Client.InternalError", "Message": f"Client.InternalError: {why}"}
