"""How a database is worded: the container that runs MariaDB, and what is said to it in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.podman import Container
from bakehouse_lab.settings import SERVICES_IMAGE

if TYPE_CHECKING:
    from bakehouse_lab.endpoint import Place
    from bakehouse_lab.settings import Settings

KIND = "database"

# What RDS gives a master user of MySQL and MariaDB: all but what reaches beyond SQL (SUPER, FILE,
# SHUTDOWN), so that an application which needs those fails here as it would there.
PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, "
    "SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, "
    "REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, "
    "EVENT, TRIGGER"
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A database as it is wanted. `password` None leaves the one that the data has."""

    id: str
    endpoint: str
    port: int
    place: Place
    user: str
    password: str | None
    schema: str | None


def container_name(settings: Settings, database: str) -> str:
    """Also the name of its volume, which outlives it."""
    return f"{settings.prefix}-rds-{database}"


def snapshot_volume(settings: Settings, snapshot: str) -> str:
    """Where a snapshot's data is; no database's volume can be called so."""
    return f"{settings.prefix}-rds.snapshot-{snapshot}"


def container(settings: Settings, spec: Spec, network: str, files: Path) -> Container:
    """What to ask podman for; `files` holds the certificate and its key."""
    name = container_name(settings, spec.id)
    script = Path(__file__).with_name("serve-mariadb")
    return Container(
        name=name,
        kind=KIND,
        id=spec.id,
        image=SERVICES_IMAGE,
        network=network,
        ip=spec.place.ip,
        command=("/lab/serve-mariadb", str(spec.port)),
        aliases=(spec.endpoint,),
        mounts=(
            f"{name}:/var/lib/mysql",
            f"{script}:/lab/serve-mariadb:ro",
            f"{files}:/lab/files:ro",
        ),
    )


def setup(spec: Spec) -> str:
    """SQL that gives the master user its password and rights, and makes the schema; repeatable.

    >>> from bakehouse_lab.endpoint import Place
    >>> place = Place("10.0.0.4", "subnet-1", "vpc-1", "10.0.0.0/16")
    >>> spec = Spec("shop", "shop.rds", 3306, place, "it's", None, None)
    >>> setup(spec).startswith("CREATE USER IF NOT EXISTS 'it''s'@'%';")
    True
    """
    user = f"{_text(spec.user)}@'%'"
    said = [f"CREATE USER IF NOT EXISTS {user}"]
    if spec.password is not None:
        said.append(f"ALTER USER {user} IDENTIFIED BY {_text(spec.password)}")
    said.append(f"GRANT {PRIVILEGES} ON *.* TO {user} WITH GRANT OPTION")
    if spec.schema:
        quoted = spec.schema.replace("`", "``")
        said.append(f"CREATE DATABASE IF NOT EXISTS `{quoted}` CHARACTER SET utf8mb4")
    return ";\n".join(said) + ";\n"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
