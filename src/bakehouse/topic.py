"""Tell people: an SNS topic. Whoever cannot be reached undoes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.aws import told
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from bakehouse.aws import Account

# What SNS takes: a subject is a line of mail, ASCII; a message is 256 KiB in all.
SUBJECT = 100
MESSAGE_BYTES = 240_000


class Topic:
    """Where messages go; `arn` empty is nowhere."""

    def __init__(self, account: Account, arn: str) -> None:
        """Nothing is asked before the first message."""
        self._account = account
        self._arn = arn

    def tell(self, subject: str, text: str) -> str:
        """Send it; returns why that could not be done, or nothing."""
        try:
            with told():
                self._account.sns.publish(
                    TopicArn=self._arn, Subject=line(subject), Message=cut(text)
                )
        except Trouble as trouble:
            return f"{self._arn}: {trouble.args[0]}"
        return ""


def line(subject: str) -> str:
    """The subject as SNS takes it.

    >>> line("a\\nb \u2713")
    'a b ?'
    """
    return " ".join(subject.split()).encode("ascii", "replace").decode()[:SUBJECT]


def cut(text: str) -> str:
    """As much of the text as SNS takes; it says so where some is left out."""
    content = text.encode()
    if len(content) <= MESSAGE_BYTES:
        return text
    kept = content[:MESSAGE_BYTES].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n... and more: scripts/image diff CHANNEL\n"
