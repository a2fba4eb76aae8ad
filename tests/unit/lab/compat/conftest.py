"""moto as it is shipped, for tests that must see its defects.

A mend changes moto for the whole process, so each question is asked in a process of its own: one
server imports moto once, and forks for each question (20 ms).
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = """
import importlib, json, os, sys, traceback
import boto3
from moto import mock_aws
# Reading the services' models takes a second each: once, before the forks.
client = boto3.Session().client
with mock_aws():
    client("ec2").describe_vpcs()
    client("iam").list_roles()
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        asked, said = json.loads(line), {}
        try:
            for name in asked["mends"]:
                importlib.import_module("bakehouse_lab.compat." + name).mend()
            scope = {}
            exec(asked["source"], scope)
            with mock_aws():
                said["answer"] = scope[asked["name"]](client)
        except BaseException:
            said["failed"] = traceback.format_exc()
        sys.stdout.write(json.dumps(said, default=str) + chr(10))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
"""


class Ask(Protocol):
    """Asks moto, with these mends and no others."""

    def __call__(self, question: Callable[[Any], Any], *mends: str) -> Any:
        """The answer of `question`, given boto3's `client`; it may use nothing from outside."""
        ...


@pytest.fixture(scope="session")
def ask_moto() -> Iterator[Ask]:
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }
    environment.pop("AWS_ENDPOINT_URL", None)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        questions, answers = server.stdin, server.stdout
        assert questions and answers

        def ask(question: Callable[[Any], Any], *mends: str) -> Any:
            source = "from __future__ import annotations\n" + inspect.getsource(question)
            asked = {"source": source, "name": question.__name__, "mends": mends}
            questions.write(json.dumps(asked) + "\n")
            questions.flush()
            said = json.loads(answers.readline())
            assert "failed" not in said, said["failed"]
            return said["answer"]

        yield ask
        questions.close()
