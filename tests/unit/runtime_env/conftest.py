"""A pretended instance: its metadata service over HTTP, AWS as objects, and a time of its own."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runtime_env.aws import Aws
from runtime_env.main import main
from runtime_env.metadata import Metadata
from runtime_env.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TOKEN = "a-token"
BINARY = object()  # a secret without text
AUTHORITIES = ssl.get_default_verify_paths().openssl_cafile
DOCUMENT = {
    "instanceId": "i-0f00",
    "imageId": "ami-0f00",
    "availabilityZone": "us-east-1b",
    "region": "us-east-1",
}


def without_limit(seconds: float) -> AbstractContextManager[None]:
    """Where time is pretended, nothing takes any."""
    return nullcontext()


class PretendTime:
    """Sleeping makes it later at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def wall(self) -> float:
        return 1_800_000_000 + self.now

    def patience(self, seconds: float, say: Callable[[str], None]) -> Patience:
        return Patience(seconds, clock=self.clock, sleep=self.sleep, chance=lambda: 1.0, say=say)


@dataclass
class PretendMetadata:
    """What the instance's metadata service answers. `failures` first requests get a 503."""

    address: str = ""
    document: str = json.dumps(DOCUMENT)
    tags: dict[str, str] = field(default_factory=lambda: {"Environment": "staging"})
    failures: int = 0
    refuses: int = 0  # a status for everything, when not 0
    tokens_expire: int = 0  # so many questions with a good token get a 401
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str) -> tuple[int, str]:
        self.requests.append(f"{method} {path}")
        if self.refuses:
            return self.refuses, ""
        if self.failures:
            self.failures -= 1
            return 503, ""
        if method == "PUT":
            return 200, TOKEN
        if token != TOKEN or self.tokens_expire:
            self.tokens_expire -= 1
            return 401, ""
        if path == "/latest/dynamic/instance-identity/document":
            return 200, self.document
        tag = path.removeprefix("/latest/meta-data/tags/instance/")
        return (200, self.tags[tag]) if tag in self.tags else (404, "")


def error(code: str, status: int = 400) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": "in its own words"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "Operation",
    )


@dataclass
class PretendCloud:
    """Secrets, databases and caches by name; `troubles` are raised first, one a call."""

    secrets: dict[str, Any]
    databases: dict[str, dict[str, Any]]
    caches: dict[str, dict[str, Any]]
    parameters: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, list[Exception]] = field(default_factory=dict)
    tokens: int = 0
    regions: list[str] = field(default_factory=list)

    def aws(self, region: str) -> Aws:
        self.regions.append(region)
        return Aws(lambda service: self)

    def _trouble(self, action: str) -> None:
        if self.troubles.get(action):
            raise self.troubles[action].pop(0)

    def get_secret_value(self, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803 boto3's names
        self._trouble("secret")
        if SecretId not in self.secrets or VersionStage != "AWSCURRENT":
            raise error("ResourceNotFoundException")
        text = self.secrets[SecretId]
        if text is BINARY:
            return {"ARN": "arn", "SecretBinary": b""}
        return {"ARN": "arn", "SecretString": text if isinstance(text, str) else json.dumps(text)}

    def get_parameters_by_path(
        self,
        Path: str,  # noqa: N803 boto3's names
        WithDecryption: bool,  # noqa: N803 boto3's names
        NextToken: str = "",  # noqa: N803 boto3's names
    ) -> dict[str, Any]:
        """One parameter a page."""
        self._trouble("parameters")
        assert WithDecryption
        below = [name for name in sorted(self.parameters) if name.startswith(f"{Path}/")]
        at = int(NextToken or 0)
        page = [{"Name": name, "Value": self.parameters[name]} for name in below[at : at + 1]]
        return {"Parameters": page} | ({"NextToken": str(at + 1)} if at + 1 < len(below) else {})

    def generate_db_auth_token(self, DBHostname: str, Port: int, DBUsername: str) -> str:  # noqa: N803 boto3's names
        self.tokens += 1
        return f"token {self.tokens} of {DBUsername} at {DBHostname}:{Port}"

    def describe_db_instances(self, DBInstanceIdentifier: str) -> dict[str, Any]:  # noqa: N803 boto3's names
        self._trouble("database")
        if DBInstanceIdentifier not in self.databases:
            raise error("DBInstanceNotFound", 404)
        return {"DBInstances": [self.databases[DBInstanceIdentifier]]}

    def describe_replication_groups(self, ReplicationGroupId: str) -> dict[str, Any]:  # noqa: N803 boto3's names
        self._trouble("cache")
        if ReplicationGroupId not in self.caches:
            raise error("ReplicationGroupNotFoundFault", 404)
        return {"ReplicationGroups": [self.caches[ReplicationGroupId]]}


@dataclass
class PretendSystemd:
    """Hears commands, and ends all of them with `status`."""

    heard: list[list[str]] = field(default_factory=list)
    status: int = 0

    def run(self, command: Sequence[str]) -> int:
        self.heard.append(list(command))
        return self.status


@dataclass
class Instance:
    """A pretended instance on which the program can be run."""

    metadata: PretendMetadata
    cloud: PretendCloud
    time: PretendTime
    folder: Path
    settings: dict[str, Any]
    systemd: PretendSystemd = field(default_factory=PretendSystemd)

    @property
    def figures(self) -> dict[str, str]:
        """What is told to those who watch."""
        lines = (self.folder / "metrics" / "runtime_env.prom").read_text().splitlines()
        return dict(line.split() for line in lines)

    @property
    def output(self) -> Path:
        return self.folder / "env"

    def run(self, *argv: str) -> int:
        config = self.folder / "runtime-env.json"
        config.write_text(json.dumps(self.settings))
        return main(
            ["--config", str(config), *argv],
            aws=self.cloud.aws,
            metadata=Metadata(self.metadata.address, timeout=5),
            patience=self.time.patience,
            clock=self.time.wall,
            within=without_limit,
            systemd=self.systemd.run,
        )


@pytest.fixture
def metadata() -> Iterator[PretendMetadata]:
    pretend = PretendMetadata()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            token = self.headers.get("X-aws-ec2-metadata-token", "")
            status, text = pretend.answer(self.command, self.path, token)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = answer  # noqa: N815 http.server's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pretend.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield pretend
        server.shutdown()
        thread.join()


@pytest.fixture
def instance(metadata: PretendMetadata, tmp_path: Path) -> Instance:
    cloud = PretendCloud(
        secrets={
            "staging/app": {
                "APP_KEY": "base64:AAAA",
                "DB_USERNAME": "app",
                "DB_PASSWORD": 'a$b#c"d',
                "REDIS_PASSWORD": "long",
            }
        },
        databases={
            "staging-db": {
                "DBInstanceStatus": "available",
                "DBName": "app",
                "Endpoint": {"Address": "db.test", "Port": 3306},
            }
        },
        caches={
            "staging-redis": {
                "Status": "available",
                "TransitEncryptionEnabled": True,
                "AuthTokenEnabled": True,
                "NodeGroups": [{"PrimaryEndpoint": {"Address": "redis.test", "Port": 6379}}],
            }
        },
    )
    settings = {
        "secret": "{Environment}/app",
        "database": "{Environment}-db",
        "cache": "{Environment}-redis",
        "required_keys": ["APP_KEY", "DB_USERNAME", "DB_PASSWORD"],
        "constants": {"APP_ENV": "{Environment}"},
        "authorities": AUTHORITIES,
        "output": str(tmp_path / "env"),
        "group": "root",
        "state": str(tmp_path),
    }
    (tmp_path / "metrics").mkdir()
    return Instance(metadata, cloud, PretendTime(), tmp_path, settings)
