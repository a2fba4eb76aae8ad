"""Both ends of an instance's life: what its units do when Auto Scaling waits for them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox
    from testinfra.host import Host

ARRIVE, DEPART = "lifecycle-arrive.service", "lifecycle-depart.service"
SETTINGS = "/etc/bakehouse/lifecycle.json"
WORKER = "lifecycle-stand-in.service"

# Run on the host, with a unit's rights: the program, and a pretended AWS with a group of one.
PRETEND = r"""
import http.server, json, os, subprocess, sys, tempfile, threading, urllib.parse
verb, worker, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
coming = verb == "arrive"
told = []
identity = dict(
    instanceId="i-0f00", imageId="ami-0f00", availabilityZone="us-east-1a", region="us-east-1"
)
xml = (
    "<{0}Response xmlns='http://autoscaling.amazonaws.com/doc/2011-01-01/'>"
    "<{0}Result>{1}</{0}Result></{0}Response>"
)
instance = (
    "<AutoScalingInstances><member><AutoScalingGroupName>web</AutoScalingGroupName>"
    "<LifecycleState>{}:Wait</LifecycleState></member></AutoScalingInstances>"
)
class Aws(http.server.BaseHTTPRequestHandler):
    def say(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())
    def do_PUT(self):
        self.say("token")
    def do_GET(self):
        state = "InService" if coming else "Terminated"
        self.say(state if self.path.endswith("target-lifecycle-state") else json.dumps(identity))
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = dict(urllib.parse.parse_qsl(body))
        asked = ["systemctl", "is-active", worker]
        said["worker"] = subprocess.run(asked, stdout=subprocess.PIPE, text=True).stdout.strip()
        told.append(said)
        state = instance.format("Pending" if coming else "Terminating")
        self.say(xml.format(said["Action"], state if "Describe" in said["Action"] else ""))
    def log_message(self, *_):
        pass
aws = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aws)
threading.Thread(target=aws.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d" % aws.server_port
keys = dict(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
where = dict(AWS_ENDPOINT_URL=url, AWS_EC2_METADATA_SERVICE_ENDPOINT=url)
with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    json.dump(settings, file)
    file.flush()
    done = subprocess.run(
        ["/usr/local/lib/bakehouse/lifecycle-hook", verb, "--config", file.name],
        env={**os.environ, **keys, **where}, stderr=subprocess.PIPE, text=True, timeout=50,
    )
print(json.dumps(dict(status=done.returncode, said=done.stderr, told=told)))
"""


@pytest.fixture(scope="module")
def settings(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.file(SETTINGS).content_string)
    return found


@pytest.fixture(scope="module")
def pretend(
    sandbox: Callable[[str], Sandbox], settings: dict[str, Any]
) -> Callable[..., dict[str, Any]]:
    """What comes of a verb in its unit's sandbox, when Auto Scaling waits: `pretend(unit, ...)`."""

    def ask(unit: str, **changed: Any) -> dict[str, Any]:
        verb = unit.removeprefix("lifecycle-").removesuffix(".service")
        words = ["python3", "-c", PRETEND, verb, WORKER, json.dumps(settings | changed)]
        attempt = sandbox(unit).tries(shlex.join(words))
        assert attempt.status == 0, attempt.text
        found: dict[str, Any] = json.loads(attempt.text.splitlines()[-1])
        return found

    return ask


def actions(found: dict[str, Any]) -> list[str]:
    return [one["Action"] for one in found["told"]]


def test_both_look_at_every_boot(unit: Callable[[str], dict[str, str]]) -> None:
    """Break: systemctl disable lifecycle-arrive; or: kill -KILL the process of lifecycle-depart."""
    for name in (ARRIVE, DEPART):
        assert unit(name)["UnitFileState"] == "enabled"
        assert unit(name)["ActiveState"] == "active"
        assert unit(name)["NRestarts"] == "0"


def test_a_host_is_not_ready_before_php_fpm_has_asked_all_its_workers(
    unit: Callable[[str], dict[str, str]],
) -> None:
    """Break: sed -i /^After=php-fpm/d /etc/systemd/system/lifecycle-arrive.service
    systemctl daemon-reload.
    """
    assert "php-fpm@app.service" in unit(ARRIVE)["After"].split()


def test_a_host_that_does_not_become_ready_is_abandoned_and_says_why(
    pretend: Callable[..., dict[str, Any]], settings: dict[str, Any]
) -> None:
    """Break: sed -i s/ABANDON/CONTINUE/ /usr/local/lib/bakehouse/lifecycle/decide.py."""
    hopeless = settings["arrive"] | {"health": "/lifecycle-is-not-here", "seconds": 1}
    found = pretend(ARRIVE, arrive=hopeless)
    assert found["status"] == 3, found
    assert actions(found)[:2] == ["DescribeAutoScalingInstances", "RecordLifecycleActionHeartbeat"]
    last = found["told"][-1]
    assert last["Action"] == "CompleteLifecycleAction"
    assert last["LifecycleActionResult"] == "ABANDON"
    assert last["LifecycleHookName"] == settings["arrive"]["hook"]
    assert "GET /lifecycle-is-not-here answered" in found["said"]


def test_a_host_that_goes_lets_a_job_end_before_it_says_so(
    host: Host, pretend: Callable[..., dict[str, Any]], settings: dict[str, Any]
) -> None:
    """Break: systemctl edit --runtime lifecycle-depart, and say User=nobody in it."""
    job = "trap 'sleep 3; exit 0' TERM; while :; do sleep 0.2; done"
    start = "systemd-run --quiet --collect --unit=%s --property=KillMode=mixed sh -c %s"
    host.check_output(start, WORKER, job)
    try:
        found = pretend(DEPART, stop=[WORKER], **{"await": []})
    finally:
        host.run("systemctl stop %s", WORKER)
    assert found["status"] == 0, found
    assert {one["worker"] for one in found["told"][:-1]} == {"active"}
    last = found["told"][-1]
    assert last["Action"] == "CompleteLifecycleAction"
    assert last["LifecycleActionResult"] == "CONTINUE"
    assert last["worker"] == "inactive"
    assert f"Stopping: {WORKER}" in found["said"]


def test_who_answers_at_boot_is_nobody_and_may_write_nowhere(
    sandbox: Callable[[str], Sandbox],
) -> None:
    """Break: systemctl edit --runtime lifecycle-arrive: DynamicUser=no and ProtectSystem=no."""
    service = sandbox(ARRIVE)
    assert service.tries("id --user").text.strip() != "0"
    refused = ["touch /usr/sandboxed", "touch /etc/sandboxed", "cat /etc/shadow"]
    assert not any(service.tries_each([*refused, "systemctl stop cron"]).values())
    assert service.exposure <= 1.2


def test_who_ends_units_is_root_without_any_capability(sandbox: Callable[[str], Sandbox]) -> None:
    """Break: systemctl edit --runtime lifecycle-depart: CapabilityBoundingSet=CAP_SYS_ADMIN."""
    service = sandbox(DEPART)
    main = service.processes[0]
    assert (main.uid, main.may, main.may_ever) == (0, 0, 0)
    assert main.no_new_privileges
    assert main.filtered
    assert "mnt" in main.own
    refused = ["touch /usr/sandboxed", "touch /etc/sandboxed", "cat /srv/app/shared/.env"]
    assert not any(service.tries_each([*refused, "mount -t tmpfs none /mnt"]).values())
    assert service.exposure <= 1.7
