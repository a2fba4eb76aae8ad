"""How the example environment is made, in one account and another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bakehouse_lab import environment
from bakehouse_lab.settings import ACCOUNT

if TYPE_CHECKING:
    Account = Any


def test_all_is_made_and_a_second_run_changes_nothing(account: Account) -> None:
    first = account.build()
    assert len(first.made) == len(set(first.made)) > 20
    assert [f"{what}: making it" for what in first.made] == account.said
    assert account.build().made == []


def test_no_two_accounts_have_a_secret_in_common(account: Account) -> None:
    account.build()
    first = account.secret()
    account.client("secretsmanager").delete_secret(
        SecretId="staging/app", ForceDeleteWithoutRecovery=True
    )
    account.build()
    second = account.secret()
    assert {key for key in first if first[key] == second[key]} == {"DB_USERNAME"}


def test_two_hosts_are_started_from_the_newest_image_of_our_own(account: Account) -> None:
    newest = account.image("web-2", ACCOUNT, "2026-03-02", Role="web")
    account.image("web-1", ACCOUNT, "2026-03-01", Role="web")
    account.image("db-9", ACCOUNT, "2026-04-01", Role="db")
    made = account.build()
    assert (made.hosts, made.image) == (2, newest)
    assert account.group()["DesiredCapacity"] == 2


def test_a_later_image_does_not_change_what_stands(account: Account) -> None:
    before = account.build().image
    account.image("web-1", ACCOUNT, "2026-03-01", Role="web")
    after = account.build()
    assert (after.image, after.made, after.hosts) == (before, [], 0)


def test_without_any_image_it_says_which_one_it_looked_for(account: Account) -> None:
    ec2 = account.client("ec2")
    for image in ec2.describe_images(Owners=[environment.DEBIAN])["Images"]:
        ec2.deregister_image(ImageId=image["ImageId"])
    with pytest.raises(environment.NoImage, match="debian-13-amd64"):
        account.build()
