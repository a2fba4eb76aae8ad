"""Secrets Manager's ten faults as bytes on a wire to the real boto3, and how long they last."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from runtime_env.aws import Aws, client_factory
from runtime_env.faults import Fault
from runtime_env.finding import World, find
from runtime_env.limit import OutOfTime, limit
from runtime_env.metadata import Metadata
from runtime_env.patience import Patience
from runtime_env.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = {"Content-Type": "application/x-amz-json-1.1"}
GOOD = {"ARN": "arn", "SecretString": json.dumps({"APP_KEY": "k", "DB_USERNAME": "u"})}


def wrong(code: str) -> str:
    return json.dumps({"__type": code, "message": "in its own words"})


class Endpoint(ThreadingHTTPServer):
    """Answers every question with the same status and text; None: accepts, and says nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answer: tuple[int, str] | None = (200, json.dumps(GOOD))
        self.open = threading.Event()
        self.drips = False
        super().__init__(("127.0.0.1", 0), Speaker)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Speaker(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.answer is None:
            self.server.open.wait(30)
            return
        status, text = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", JSON["Content-Type"])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        for byte in text.encode():
            self.wfile.write(bytes([byte]))
            if self.server.drips and self.server.open.wait(0.5):
                return

    do_GET = do_PUT = do_POST  # noqa: N815 http.server's names

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.open.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def api(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The program's own way to AWS, pointed at the pretended endpoint."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint.address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    }.items():
        monkeypatch.setenv(name, value)
    return Aws(client_factory("us-east-1"))


CASES: list[tuple[str, tuple[int, str] | None, int]] = [
    ("black hole", None, 23),
    ("throttled", (400, wrong("ThrottlingException")), 25),
    ("broken", (500, wrong("InternalServiceError")), 26),
    ("a proxy's own error", (503, "<html>unavailable</html>"), 26),
    ("denied", (400, wrong("AccessDeniedException")), 13),
    ("200, and no JSON", (200, "<html>log in first</html>"), 27),
    ("200, and nothing", (200, ""), 27),
    ("missing", (400, wrong("ResourceNotFoundException")), 12),
    ("marked for deletion", (400, wrong("InvalidRequestException")), 28),
    ("malformed", (200, json.dumps({"ARN": "arn", "SecretString": "hunter2"})), 14),
    ("key missing", (200, json.dumps(GOOD)), 15),
]


def ask(api: Aws, metadata: Any, seconds: float) -> dict[str, str]:
    """What the program does between its deadline and its files."""
    config = Settings(secret="staging/app", required_keys=["APP_KEY", "DB_PASSWORD"])
    patience = Patience(seconds, chance=lambda: 0.1)
    world = World(Metadata(metadata.address), lambda _: api, time.time, Patience, limit)
    return find(config, world, patience, {})


@pytest.mark.parametrize(("fault", "answer", "status"), CASES, ids=[row[0] for row in CASES])
def test_each_fault_on_the_wire_ends_with_its_own_status(
    api: Aws,
    endpoint: Endpoint,
    metadata: Any,
    fault: str,
    answer: tuple[int, str] | None,
    status: int,
) -> None:
    endpoint.answer = answer

    with pytest.raises(Fault) as caught:
        ask(api, metadata, seconds=0.6)

    assert caught.value.status == status
    assert "hunter2" not in str(caught.value)


def test_an_endpoint_where_nobody_listens_has_a_status_of_its_own(
    api: Aws, endpoint: Endpoint, metadata: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = Aws(lambda service: client_factory_at(f"http://127.0.0.1:{port}", service))

    with pytest.raises(Fault) as caught:
        ask(gone, metadata, seconds=0.6)

    assert caught.value.status == 24


def client_factory_at(address: str, service: str) -> Any:
    os.environ["AWS_ENDPOINT_URL"] = address  # the fixture `api` puts back what was there
    return client_factory("us-east-1")(service)


def test_an_answer_that_drips_ends_with_the_deadline_and_a_status(
    endpoint: Endpoint, metadata: Any, tmp_path: Path
) -> None:
    """The whole program as systemd runs it: 500 ms a byte would keep it for a minute."""
    endpoint.drips = True
    (tmp_path / "metrics").mkdir()
    config = tmp_path / "runtime-env.json"
    config.write_text(
        json.dumps({"secret": "a", "output": str(tmp_path / "env"), "state": str(tmp_path)})
    )
    run = "import sys; from runtime_env.main import main; sys.exit(main(sys.argv[1:]))"
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AWS_ENDPOINT_URL": endpoint.address,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    }
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", run, "--config", str(config), "--deadline", "3"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 23, done.stderr
    assert "not all answers were complete after 3 seconds" in done.stderr
    assert 3 <= time.monotonic() - began < 10


def test_a_limit_lets_what_is_quick_pass_and_leaves_nothing_behind() -> None:
    with limit(0.05):
        pass
    time.sleep(0.1)


def test_a_limit_ends_what_no_timeout_ends() -> None:
    with pytest.raises(OutOfTime), limit(0.05):
        threading.Event().wait(5)
