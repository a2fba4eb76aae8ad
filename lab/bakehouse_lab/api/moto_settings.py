"""How moto has to behave before its first backend is made."""

from __future__ import annotations

import os

from moto import settings as moto

# Read by moto when a backend is made.
ENVIRONMENT = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # 1,300 images behind which nothing stands
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # AmazonSSMManagedInstanceCore and its kind
}


def configure() -> None:
    """Set what moto reads from its environment and its settings; safe to repeat."""
    os.environ.update(ENVIRONMENT)
    moto.ENABLE_AMI_VALIDATION = True
    moto.ENABLE_KEYPAIR_VALIDATION = True
    moto.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
