"""An account of moto's records alone, to make the example environment in."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from bakehouse_lab import environment
from bakehouse_lab.settings import ACCOUNT, REGION, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def client(service: str) -> Any:
    """One for all tests: making a client takes longer than all that it is asked."""
    return boto3.Session("lab", "lab", region_name=REGION).client(service)


class Account:
    """An account, and what is in it by name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = client
        self.said: list[str] = []

    def build(self) -> environment.Environment:
        return environment.build(self.client, self.settings, self.said.append)

    def image(self, name: str, owner: str, date: str, **tags: str) -> str:
        from moto.backends import get_backend

        ec2 = self.client("ec2")
        image = str(ec2.register_image(Name=name, Architecture="x86_64")["ImageId"])
        record = get_backend("ec2")[ACCOUNT][REGION].amis[image]
        record.owner_id, record.creation_date = owner, datetime.fromisoformat(date)
        if tags:
            said = [{"Key": key, "Value": value} for key, value in tags.items()]
            ec2.create_tags(Resources=[image], Tags=said)
        return image

    def know_policies(self) -> None:
        from moto.backends import get_backend
        from moto.iam.models import AWSManagedPolicy

        for name in environment.POLICIES:
            policy = AWSManagedPolicy(name, account_id=ACCOUNT, region=REGION, document="{}")
            get_backend("iam")[ACCOUNT]["aws"].managed_policies[policy.arn] = policy

    def secret(self) -> dict[str, str]:
        manager = self.client("secretsmanager")
        text = manager.get_secret_value(SecretId="staging/app")["SecretString"]
        secret: dict[str, str] = json.loads(text)
        return secret

    def template(self) -> Any:
        versions = self.client("ec2").describe_launch_template_versions(
            LaunchTemplateName="staging-web"
        )
        return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]

    def group(self) -> Any:
        return self.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]


@contextmanager
def new_account() -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # 1,500 of them, half a second
        account = Account(Settings(3))
        account.know_policies()
        account.image("debian-13-amd64-20260101-1", environment.DEBIAN, "2026-01-01")
        account.client("ec2").create_key_pair(KeyName=environment.KEY_PAIR, KeyType="ed25519")
        yield account


@pytest.fixture
def account() -> Iterator[Account]:
    """Nothing is in it but an image of Debian's and a key pair."""
    with new_account() as account:
        yield account


@pytest.fixture(scope="module")
def staging() -> Iterator[Account]:
    """The environment is in it; not to be used beside `account`, moto has one state."""
    with new_account() as account:
        account.build()
        yield account
