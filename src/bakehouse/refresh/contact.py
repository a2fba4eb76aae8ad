"""Talking to an AWS that may be silent or too busy for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bakehouse.aws import AwsUnreachable, may_pass
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 15.0


class LostContact(Trouble):
    """AWS does not answer any more, and the refresh goes on without us."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How long AWS may be silent; `clock` (seconds since 1970) and `pause` are for tests."""

    seconds: float
    clock: Callable[[], float]
    pause: Callable[[float], None]
    tell: Callable[[str], None] = lambda said: None

    def ask(self, call: Callable[[], T], *, sit_out_silence: bool = True) -> T:
        """The answer of `call`; asked again, ever less often, while AWS is silent or too busy.

        Raises what was wrong in the end; and at once what does not pass by itself, or silence where
        that is most likely a wrong address.
        """
        since, wait = self.clock(), 1.0
        while True:
            try:
                return call()
            except Trouble as trouble:
                silent = isinstance(trouble, AwsUnreachable) and not sit_out_silence
                if silent or not may_pass(trouble) or self.clock() - since >= self.seconds:
                    raise
                self.tell(f"asking again in {wait:.0f} s: {trouble.args[0]}")
            self.pause(wait)
            wait = min(wait * 2, LONGEST_WAIT_SECONDS)


def lost(group: str, trouble: Trouble) -> LostContact:
    """What is said when nobody answers any more."""
    return LostContact(
        f"Lost contact while {group} is refreshed; AWS goes on without us.\n  {trouble.args[0]}",
        f"scripts/refresh {group} --status",
    )
