"""A token of IAM in the place of a password: made by the real boto3, kept while it is young."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from runtime_env import environment, iam

HOST, PORT, USER = "db.test", 3306, "app"


def made() -> str:
    """A token as boto3 makes it, with keys that sign nothing."""
    session = boto3.Session("key", "secret", region_name="us-east-1")
    return str(session.client("rds").generate_db_auth_token(HOST, PORT, USER))


NOW = datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("why", "user", "host", "later", "kept"),
    [
        ("young", USER, HOST, 1, True),
        ("old, long before its 15 minutes are over", USER, HOST, 241, False),
        ("of another user", "other", HOST, 1, False),
        ("for another host", USER, "other.test", 1, False),
        ("from the future: the clock was set back", USER, HOST, -60, False),
    ],
)
def test_a_token_is_kept_while_it_is_young_and_fits(
    why: str, user: str, host: str, later: float, kept: bool
) -> None:
    old = made()
    now = datetime.now(UTC).timestamp() + later

    assert iam.token(old, host, PORT, user, now, lambda: "new") == (old if kept else "new"), why


@pytest.mark.parametrize(
    "old", ["", "a password", f"{HOST}:{PORT}/?x", f"{HOST}:{PORT}/?DBUser={USER}"]
)
def test_what_is_no_token_is_replaced_by_one(old: str) -> None:
    assert iam.token(old, HOST, PORT, USER, NOW, lambda: "new") == "new"


@pytest.fixture
def by_iam(instance: Any) -> Any:
    """An instance whose database asks IAM: the secret has a user and no password."""
    instance.settings["database_login"] = "iam"
    del instance.cloud.secrets["staging/app"]["DB_PASSWORD"]
    return instance


def said(instance: Any) -> dict[str, str]:
    return environment.parse(instance.output.read_text())


def test_no_password_is_wanted_and_the_token_takes_its_place(by_iam: Any) -> None:
    assert by_iam.run() == 0

    assert said(by_iam)["DB_PASSWORD"] == "token 1 of app at db.test:3306"


def test_the_token_is_for_the_host_that_the_application_connects_to(by_iam: Any) -> None:
    by_iam.cloud.secrets["staging/app"]["DB_HOST"] = "proxy.test"

    by_iam.run()

    assert "at proxy.test:3306" in said(by_iam)["DB_PASSWORD"]


def test_php_keeps_no_connection_for_each_token_that_it_ever_had(by_iam: Any) -> None:
    by_iam.run()

    assert (said(by_iam)["DB_PERSISTENT"], said(by_iam)["REDIS_PERSISTENT"]) == ("false", "true")


def test_a_new_token_alone_restarts_no_worker(by_iam: Any) -> None:
    by_iam.run()
    by_iam.settings["restart_units"] = ["laravel-worker@*.service"]
    by_iam.time.now += 300

    assert by_iam.run("--refresh") == 0

    assert said(by_iam)["DB_PASSWORD"].startswith("token 2")
    assert by_iam.systemd.heard == []
