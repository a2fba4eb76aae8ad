"""An account of moto's: the requests are real, and so are the answers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from bakehouse.aws import Account

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
}
NOT_SET = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION")


@pytest.fixture(scope="session")
def clients() -> Account:
    """Clients for all tests: making one takes longer than what it is asked."""
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    for name in NOT_SET:
        os.environ.pop(name, None)
    account = Account("us-east-1")
    with mock_aws():
        for client in (account.ec2, account.s3, account.ssm, account.autoscaling):
            assert client.meta.region_name == "us-east-1"
        assert account.number
    os.environ.clear()
    os.environ.update(before)
    return account


@pytest.fixture
def account(clients: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An empty account."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    for name in NOT_SET:
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield clients
