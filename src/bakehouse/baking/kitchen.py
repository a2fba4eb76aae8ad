"""The kitchen of a real bake: packer builds, EC2 boots, OpenSSH asks."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.baking import workbench
from bakehouse.baking.fresh import Fresh
from bakehouse.baking.listener import Listener
from bakehouse.baking.oven import Kitchen
from bakehouse.baking.packer import Packer
from bakehouse.baking.verify import Exam, verify
from bakehouse.images.account import Images
from bakehouse.images.parameters import Channels
from bakehouse.images.store import store_of
from bakehouse.ssh import Door
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from bakehouse.aws import Account
    from bakehouse.baking.bake import Run
    from bakehouse.baking.fresh import Like
    from bakehouse.baking.workbench import Release
    from bakehouse.images.image import Image, Wanted
    from bakehouse.images.record import Verification
    from bakehouse.progress import Progress

_ENVIRONMENT = re.compile(r"^bakehouse_environment:\s*['\"]?([\w-]+)", re.M)


@dataclass(frozen=True, slots=True)
class Place:
    """Where hosts of a bake run, and who may reach them."""

    instance_type: str
    subnet: str  # of the build host; empty is the default VPC
    ssh_interface: str
    ssh_from: tuple[str, ...]  # empty is the network that the host is in


@dataclass(frozen=True, slots=True)
class Hands:
    """How a person wants it done."""

    inventory: Path
    release: Release
    place: Place
    like: str  # empty is the inventory's own web group
    pages: tuple[str, ...]
    patience: float  # seconds, for a fresh host
    minutes: float  # for the build


def kitchen(
    root: Path, account: Account, hands: Hands, progress: Progress, *, verify: bool
) -> Kitchen:
    """All that a bake needs. With `verify`, where fresh hosts boot is found when it is needed."""
    work = _Work(root, account, hands, progress, verify)
    return Kitchen(
        root=root,
        images=Images(account),
        store=store_of(account),
        channels=Channels(account),
        progress=progress,
        build=work.build,
        verify=work.verify,
        now=lambda: datetime.now(UTC),
        pause=time.sleep,
    )


def group_of(inventory: Path) -> str:
    """The group of web hosts that an inventory is about. Raises Trouble where it does not say."""
    environment = environment_of(inventory)
    if environment:
        return f"{environment}-web"
    raise Trouble(
        f"{inventory} does not say bakehouse_environment, so no group is known whose hosts "
        "a fresh one could be like.",
        "scripts/bake --like GROUP",
    )


def environment_of(inventory: Path) -> str:
    """The environment that an inventory is about; empty where it does not say."""
    for path in sorted((inventory / "group_vars").rglob("*.yml")):
        named = _ENVIRONMENT.search(path.read_text())
        if named:
            return named[1]
    return ""


@dataclass(frozen=True, slots=True)
class _Work:
    root: Path
    account: Account
    hands: Hands
    progress: Progress
    will_verify: bool

    def build(self, run: Run, want: Wanted) -> tuple[str, str]:
        """Let packer build it; the image's id, and what dpkg-query said there."""
        images, hands = Images(self.account), self.hands
        if self.will_verify:
            self._like()  # before a minute is spent: there must be somewhere to verify it
        network, cidr = images.network(hands.place.subnet)
        group = images.open_group(run.id, "build", network, hands.place.ssh_from or (cidr,))
        site = workbench.Site(
            region=images.region,
            endpoint=images.endpoint,
            instance_type=hands.place.instance_type,
            subnet=hands.place.subnet,
            ssh_interface=hands.place.ssh_interface,
            security_group=group,
            polling_seconds=1 if images.endpoint else 5,
        )
        command = Path(sys.executable).with_name("ansible-playbook")
        template, variables = workbench.prepare(
            run, self.root, hands.inventory, want, hands.release, site, command
        )
        driver = Packer(
            workbench.find_packer(),
            Listener(run, self.progress),
            timeout=hands.minutes * 60,
            environment=workbench.environment(run),
        )
        try:
            id = driver.bake(template.resolve(), variables.resolve())
        except Trouble as trouble:
            raise type(trouble)(str(trouble), f"less {run.folder / 'packer.log'}") from trouble
        return id, workbench.packages_file(run).read_text()

    def verify(self, run: Run, image: Image) -> Verification:
        """Boot it twice, and ask."""
        like, place = self._like(), self.hands.place
        group = Images(self.account).open_group(
            run.id, "verify", like.network, place.ssh_from or (like.cidr,)
        )
        with tempfile.TemporaryDirectory(prefix="bake.") as folder:
            exam = Exam(
                run=run.id,
                root=self.root,
                folder=run.folder,
                like=like,
                group=group,
                interface=place.ssh_interface,
                pages=self.hands.pages,
                patience=self.hands.patience,
                clock=time.monotonic,
                now=lambda: datetime.now(UTC),
                pause=time.sleep,
            )
            return verify(image, exam, Fresh(self.account), Door(Path(folder)), self.progress)

    def _like(self) -> Like:
        return Fresh(self.account).like(self.hands.like or group_of(self.hands.inventory))
