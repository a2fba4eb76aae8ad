"""Channels in SSM: the adapter of `bakehouse.images.channels`.

Parameters are called /bakehouse/<channel>/web; BAKEHOUSE_PARAMETERS names another beginning.
"""

from __future__ import annotations

import os
from datetime import UTC
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bakehouse.aws import code_of, told
from bakehouse.images.channels import CHANNELS, Entry
from bakehouse.images.image import ROLE
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse.aws import Account

PREFIX = "BAKEHOUSE_PARAMETERS"


class Channels:
    """What channels say, and how to move them."""

    def __init__(self, account: Account, settings: Mapping[str, str] = os.environ) -> None:
        """Nothing is asked before the first call."""
        self._account = account
        self._prefix = settings.get(PREFIX) or "/bakehouse"

    def parameter(self, channel: str) -> str:
        """The parameter's name."""
        return f"{self._prefix}/{channel}/{ROLE}"

    def now(self) -> dict[str, str]:
        """Which image each channel says; a channel that says none is left out."""
        names = {self.parameter(channel): channel for channel in CHANNELS}
        with told():
            found = self._account.ssm.get_parameters(Names=list(names))["Parameters"]
        return {names[one["Name"]]: one["Value"] for one in found}

    def history(self, channel: str) -> list[Entry]:
        """What the channel was set to, oldest first; empty when it never was."""
        try:
            with told():
                pages = self._account.ssm.get_paginator("get_parameter_history")
                found = [
                    one
                    for page in pages.paginate(Name=self.parameter(channel))
                    for one in page["Parameters"]
                ]
        except Trouble as trouble:
            cause = trouble.__cause__
            if isinstance(cause, ClientError) and code_of(cause) == "ParameterNotFound":
                return []
            raise
        return [_entry(one) for one in sorted(found, key=lambda one: one["Version"])]

    def move(self, channel: str, image: str, why: str) -> None:
        """Let the channel say `image` from now on; `why` stays in its history."""
        with told():
            self._account.ssm.put_parameter(
                Name=self.parameter(channel),
                Value=image,
                Type="String",
                Overwrite=True,
                Description=why[:1024],
            )


def _entry(record: dict[str, Any]) -> Entry:
    when = record["LastModifiedDate"].astimezone(UTC).isoformat(timespec="seconds")
    return Entry(record["Value"], when, record.get("Description", ""))
