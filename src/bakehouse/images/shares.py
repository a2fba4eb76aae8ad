"""Let other accounts launch from an image that is proven here; they get the image, not its tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from bakehouse.images.moves import unproven
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from bakehouse.images.image import Image
    from bakehouse.images.moves import Records


class NotShared(Trouble):
    """Nobody else may launch from the image, or as many as before."""


class Shares(Protocol):
    """What this needs of the account; `bakehouse.images.account.Images` has it."""

    def locked_by(self, image: Image) -> str:
        """The KMS key of its disk that nobody else can use; empty when there is none."""


def check_share(
    image: Image, accounts: tuple[str, ...], shares: Shares, store: Records, *, end: bool = False
) -> None:
    """Raises NotShared unless the image was verified, as its unchanged record says, and other
    accounts could launch from it. To `end` it needs no proof.
    """
    wrong = [one for one in accounts if not re.fullmatch(r"\d{12}", one)]
    if wrong:
        raise NotShared(
            f"{wrong[0]!r} is not the number of an account: 12 digits are.",
            "aws sts get-caller-identity, in that account",
        )
    refused = "" if end else unproven(image, store)
    if refused:
        raise NotShared(f"{image.id} is not shared: {refused}.", f"scripts/image show {image.id}")
    key = "" if end else shares.locked_by(image)
    if key:
        raise NotShared(
            f"{image.id} is encrypted with {key}, AWS's own key, which no other account can use.",
            f"scripts/image copy {image.id} --region REGION --kms-key KEY, and share the copy",
        )
