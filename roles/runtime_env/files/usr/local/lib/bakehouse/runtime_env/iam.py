"""A token of IAM in the place of the database's password: when is it time for a new one?"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

# A token opens connections for 15 minutes, but no longer than the role's credentials that signed
# it, and those may have 5 minutes left when we get them. The next look is a minute away at most.
RENEW_AFTER_SECONDS = 240


def token(old: str, host: str, port: int, user: str, now: float, make: Callable[[], str]) -> str:
    """The old token while it is for this user and host and still young; else a new one."""
    if old.startswith(f"{host}:{port}/?") and is_young(old, user, now):
        return old
    return make()


def is_young(text: str, user: str, now: float) -> bool:
    """Whether a token was made for `user` less than RENEW_AFTER_SECONDS ago."""
    said = parse_qs(text.partition("?")[2])
    if said.get("DBUser") != [user] or "X-Amz-Date" not in said:
        return False
    made = datetime.strptime(said["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
    return 0 <= now - made.replace(tzinfo=UTC).timestamp() < RENEW_AFTER_SECONDS
