"""A managed master password must be a password, and the database's own."""

from __future__ import annotations

import json
import secrets
import string
import uuid
from typing import Any

from moto.rds.models import MasterUserSecret

NAME = "ManageMasterUserPassword makes the secret admin/P@55w0rd! for every database"

LENGTH = 28  # RDS's own
LETTERS = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"


def mend() -> None:
    """Make a random one for the master user, note it on the record, and rotate it likewise."""
    MasterUserSecret._generate_secret_string = _generate
    MasterUserSecret.rotate_secret = _rotate


def _generate(self: Any) -> str:
    password = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    self.resource.master_user_password = password
    return json.dumps({"username": self.resource.master_username, "password": password})


def _rotate(self: Any) -> None:
    self._status = "rotating"
    self.secretsmanager.put_secret_value(
        self.secret.arn,
        secret_string=_generate(self),
        secret_binary=None,
        client_request_token=str(uuid.uuid4()),
        version_stages=["AWSCURRENT"],
    )
