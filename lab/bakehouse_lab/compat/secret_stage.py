"""A secret's current version must be the one that GetSecretValue gives."""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.models import SecretsManagerBackend

NAME = "UpdateSecretVersionStage moves AWSCURRENT, and GetSecretValue still gives the old version"

CURRENT = "AWSCURRENT"


def mend() -> None:
    """Let the version to which AWSCURRENT moved be the secret's default one."""
    moto_update = SecretsManagerBackend.update_secret_version_stage

    def update_secret_version_stage(
        self: Any,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str,
        move_to_version_id: str,
    ) -> Any:
        said = moto_update(
            self, secret_id, version_stage, remove_from_version_id, move_to_version_id
        )
        if version_stage == CURRENT and move_to_version_id:
            self.secrets[secret_id].set_default_version_id(move_to_version_id)
        return said

    SecretsManagerBackend.update_secret_version_stage = update_secret_version_stage
