"""Which image a group is to run: the one that is named, or what its environment's channel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.baking.kitchen import environment_of
from bakehouse.images.channels import CHANNELS, origin_of
from bakehouse.images.parameters import Channels
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    import argparse

    from bakehouse.aws import Account
    from bakehouse.fleet.account import Group
    from bakehouse.images.image import Image
    from bakehouse.refresh.account import Refreshes


class NotKnown(Trouble):
    """It is not known which image is wanted; nothing was done."""


def wanted_image(
    asked: argparse.Namespace, account: Account, world: Refreshes, group: Group
) -> Image:
    """The image. Raises NotKnown, NoSuchImage."""
    if asked.image:
        return world.groups.image(asked.image)
    channel = asked.channel or _channel(asked, world.environment(group.name), group)
    says = Channels(account).now().get(channel)
    if not says:
        origin = origin_of(channel)
        then = f"scripts/image promote {origin} {channel}" if origin else "scripts/bake"
        raise NotKnown(
            f"The channel {channel} says no image.",
            f"{then}; or scripts/refresh {group.name} --image ami-...",
        )
    return world.groups.image(says)


def _channel(asked: argparse.Namespace, tagged: str, group: Group) -> str:
    """The inventory's environment, to which the group must belong: not one group on another's."""
    environment = environment_of(asked.inventory)
    if tagged and tagged != environment:
        raise NotKnown(
            f"{group.name} belongs to {tagged}, and {asked.inventory} is about "
            f"{environment or 'none'}.",
            f"scripts/refresh {group.name} --inventory inventories/{tagged}",
        )
    if environment not in CHANNELS:
        raise NotKnown(
            f"{asked.inventory} is about {environment or 'no environment'}, and no channel is "
            f"called so (there are {', '.join(CHANNELS)}).",
            f"scripts/refresh {group.name} --channel {CHANNELS[0]}",
        )
    return environment
