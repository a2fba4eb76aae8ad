"""Who names no engine version gets a current one."""

from __future__ import annotations

from moto.rds.models import DBInstance

NAME = "CreateDBInstance without EngineVersion says MySQL 5.6, and fails for MariaDB"

CURRENT = {"mysql": "8.4.6", "mariadb": "11.8.3"}


def mend() -> None:
    """Give each the version that AWS chooses today."""
    DBInstance.default_engine_versions = DBInstance.default_engine_versions | CURRENT
