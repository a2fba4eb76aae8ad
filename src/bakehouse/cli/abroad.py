"""What `scripts/image copy` and `share` answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bakehouse.baking.workbench import who
from bakehouse.images import copies, shares
from bakehouse.images.account import Images
from bakehouse.images.channels import CHANNELS
from bakehouse.images.copies import Side, Trip
from bakehouse.images.parameters import Channels
from bakehouse.images.store import store_of
from bakehouse.progress import Progress

if TYPE_CHECKING:
    from bakehouse.cli.desk import Answer, Desk
    from bakehouse.images.image import Image


def copy(desk: Desk, image: Image) -> Answer:
    """Copy an image to another region; what names a channel moves the same channel there."""
    asked, there = desk.asked, desk.account.elsewhere(desk.asked.region)
    channel = asked.image if asked.image in CHANNELS else ""
    answer: dict[str, Any] = {"image": image.id, "region": asked.region, "channel": channel}
    with Progress() as progress:
        trip = Trip(
            here=Side(desk.images, desk.store),
            there=Side(Images(there), store_of(there)),
            who=who(),
            progress=progress,
            now=desk.now,
            pause=time.sleep,
            key=asked.kms_key,
        )
        if asked.dry_run:
            copies.check(image, trip)
            moved = f", and move {channel} there to it" if channel else ""
            return answer, [f"would copy {image.id} to {asked.region}{moved}"]
        made, new = copies.copy(image, trip)
    lines = [f"{asked.region}  {made.id}  {made.name}{'' if new else ' (was there already)'}"]
    if channel and not _says(Channels(there), channel, made.id):
        why = f"copied from {desk.images.region}/{image.id}"
        Channels(there).move(channel, made.id, why)
        lines.append(f"  {channel} of {asked.region} is moved to it")
    lines.append(f"  next: AWS_REGION={asked.region} scripts/launch GROUP --image {made.id}")
    return answer | {"copied": new, "copy": made.id}, lines


def _says(channels: Channels, channel: str, id: str) -> bool:
    """Whether the channel has said it before: if so, somebody moved on from it."""
    return id in {entry.image for entry in channels.history(channel)}


def share(desk: Desk, image: Image) -> Answer:
    """Let other accounts launch from an image, or let them no longer."""
    asked, accounts = desk.asked, tuple(desk.asked.account)
    answer = {"image": image.id, "accounts": list(accounts), "shared": not asked.end}
    named = ", ".join(accounts)
    shares.check_share(image, accounts, desk.images, desk.store, end=asked.end)
    if asked.dry_run:
        return answer, [f"would {'no longer ' * asked.end}share {image.id} with {named}"]
    desk.images.share(image, accounts, end=asked.end)
    if asked.end:
        return answer, [f"{named} can launch {image.id} no longer; hosts that run are as they were"]
    return answer, [
        f"{named} can launch {image.id}; scripts/image gc keeps it for as long",
        "  the key of its disk must let them: kms:Decrypt, kms:CreateGrant, kms:DescribeKey",
        f"  next: scripts/launch GROUP --image {image.id}   (there; tags do not go with it)",
    ]
