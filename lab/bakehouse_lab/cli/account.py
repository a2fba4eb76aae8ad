"""The lab's account as a client of AWS sees it: the verbs ask the API, like everyone else."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakehouse_lab.cli.refusal import Refused
from bakehouse_lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bakehouse_lab.settings import Settings

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}
KEY_PAIR = "bakehouse"
USER = "admin"  # Debian's images have this one


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as DescribeInstances shows it."""

    id: str
    name: str
    state: str
    address: str
    image: str
    zone: str


def client(settings: Settings, service: str) -> Any:
    """A boto3 client of the lab that does not wait long, and knows nothing of a real account."""
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
    )
    patience = Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1})
    return session.client(service, endpoint_url=settings.endpoint, config=patience)


def instances(ec2: Any) -> list[Instance]:
    """All instances that are not terminated."""
    states = ["pending", "running", "stopping", "stopped", "shutting-down"]
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=[{"Name": "instance-state-name", "Values": states}]
    )
    return [
        _instance(each)
        for page in pages
        for reservation in page["Reservations"]
        for each in reservation["Instances"]
    ]


def find(known: Iterable[Instance], wanted: str) -> Instance:
    """The instance of that id or Name tag; raises Refused when there is none, or several."""
    known = list(known)
    found = [each for each in known if wanted in (each.id, each.name)]
    if len(found) == 1:
        return found[0]
    among = "\n".join(f"    {each.id}  {each.name}  {each.state}" for each in found or known)
    if found:
        raise Refused(f"{len(found)} instances are called {wanted}; name one by its id:\n{among}")
    if not known:
        raise Refused(f"there is no instance {wanted}, nor any other; see: scripts/lab status")
    raise Refused(f"there is no instance {wanted}; there are:\n{among}")


def private_key(settings: Settings) -> Path:
    """Where the private half of the key pair lies, whether or not it is there."""
    return settings.state / "ssh" / "id_ed25519"


def ensure_key_pair(settings: Settings, ec2: Any) -> bool:
    """Make the key once, and import it into each new account; whether anything was done.

    A key pair of that name with another key behind it is replaced: logins would fail with it.
    """
    from botocore.exceptions import ClientError

    key = private_key(settings)
    if not key.exists():
        key.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", KEY_PAIR, "-f", str(key)]
        subprocess.run(command, check=True)
    material = key.with_suffix(".pub").read_bytes()
    try:
        found = ec2.describe_key_pairs(KeyNames=[KEY_PAIR], IncludePublicKey=True)["KeyPairs"][0]
        if found.get("PublicKey", "").split()[:2] == material.decode().split()[:2]:
            return False
        ec2.delete_key_pair(KeyName=KEY_PAIR)
    except ClientError as absent:
        if absent.response["Error"]["Code"] != "InvalidKeyPair.NotFound":
            raise
    ec2.import_key_pair(KeyName=KEY_PAIR, PublicKeyMaterial=material)
    return True


def _instance(said: dict[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in said.get("Tags", [])}
    return Instance(
        said["InstanceId"],
        tags.get("Name", ""),
        said["State"]["Name"],
        said.get("PrivateIpAddress", ""),
        said["ImageId"],
        said["Placement"]["AvailabilityZone"],
    )
