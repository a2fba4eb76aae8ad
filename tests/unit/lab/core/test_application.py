"""The whole API without a socket: errors that SDKs can read, and no false success."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.parsers import create_parser
from werkzeug.test import Client

from bakehouse_lab.api.calls import Call, Protocol
from bakehouse_lab.api.errors import Answer, answer, crashed
from bakehouse_lab.api.server import Application
from bakehouse_lab.lab import Lab
from bakehouse_lab.machine import Machine
from bakehouse_lab.podman import Podman
from bakehouse_lab.settings import Settings


@dataclass
class Desk:
    """The API of a lab whose podman is never run, and what it logged."""

    lines: list[str] = field(default_factory=list)
    kicks: int = 0

    def __post_init__(self) -> None:
        settings = Settings(7)
        machine = Machine(True, True, 1024, 1024, ("crun",))
        self.lab = Lab(settings, Podman(settings, machine))
        self.lab.loops.append(self)  # type: ignore[arg-type]  # a loop, as far as `kick` goes
        self.client = Client(Application(self.lab, self.lines.append))

    def kick(self) -> None:
        self.kicks += 1

    def form(self, service: str, action: str, **said: str) -> Any:
        return self.client.post(
            "/",
            data=urlencode({"Action": action, "Version": "2016-11-15", **said}),
            content_type="application/x-www-form-urlencoded",
            headers=signed(service),
            environ_base={"REMOTE_ADDR": "10.27.1.5"},
        )

    def json(self, service: str, target: str) -> Any:
        headers = signed(service) | {"X-Amz-Target": target}
        return self.client.post(
            "/", data="{}", content_type="application/x-amz-json-1.1", headers=headers
        )


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=lab/20261121/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_action_that_moto_has_is_answered(desk: Desk) -> None:
    said = desk.form("ec2", "DescribeRegions")
    assert said.status_code == 200
    assert ElementTree.fromstring(said.data).tag.endswith("DescribeRegionsResponse")


def test_an_action_that_ec2_lacks_is_refused_by_name_in_ec2s_own_words(desk: Desk) -> None:
    said = desk.form("ec2", "EnableFastLaunch")
    error = ElementTree.fromstring(said.data).find("Errors/Error")
    assert said.status_code == 400
    assert error is not None
    assert error.findtext("Code") == "InvalidAction"
    assert "ec2:EnableFastLaunch" in str(error.findtext("Message"))


def test_an_action_that_a_json_service_lacks_is_refused_in_json(desk: Desk) -> None:
    said = desk.json("secretsmanager", "secretsmanager.PolishSecret")
    assert said.status_code == 400
    assert json.loads(said.data)["__type"] == "UnknownOperationException"
    assert "secretsmanager:PolishSecret" in json.loads(said.data)["message"]


def test_a_command_that_nothing_would_run_is_no_success(desk: Desk) -> None:
    said = desk.json("ssm", "AmazonSSM.SendCommand")
    assert said.status_code == 400
    assert "nothing would be run" in json.loads(said.data)["message"]


def test_a_filter_that_moto_lacks_is_named(desk: Desk) -> None:
    asked = {"Filter.1.Name": "colour", "Filter.1.Value.1": "red"}
    said = desk.form("ec2", "DescribeVpcs", **asked)
    assert said.status_code == 400
    assert b"colour" in said.data
    assert b"<html" not in said.data.lower()


def test_a_path_that_no_service_has_is_no_page_of_html(desk: Desk) -> None:
    said = desk.client.get("/2099-01-01/nonsense", headers=signed("lambda"))
    assert said.status_code == 400
    assert "GET /2099-01-01/nonsense" in json.loads(said.data)["message"]


@pytest.mark.parametrize("path", ["/moto-api/reset", "/latest/meta-data/instance-id"])
def test_the_doors_of_moto_that_aws_does_not_have_are_closed(desk: Desk, path: str) -> None:
    assert desk.client.post(path).status_code == 400


def test_every_call_leaves_one_line_that_says_who_did_what(desk: Desk) -> None:
    desk.form("ec2", "DescribeRegions")
    desk.form("ec2", "EnableFastLaunch")
    assert [line.split()[1] for line in desk.lines] == ["200", "400"]
    assert "ec2 EnableFastLaunch 10.27.1.5/lab" in desk.lines[1]


def test_a_change_wakes_the_controllers_and_a_look_does_not(desk: Desk) -> None:
    desk.form("ec2", "DescribeRegions")
    assert desk.kicks == 0
    desk.form("ec2", "CreateInternetGateway")
    assert desk.kicks == 1


def test_a_refused_change_wakes_nobody(desk: Desk) -> None:
    desk.form("ec2", "TerminateInstances", **{"InstanceId.1": "i-0123456789abcdef0"})
    assert desk.kicks == 0


def test_a_call_waits_for_whoever_holds_the_world(desk: Desk) -> None:
    import threading

    with desk.lab.world.lock:
        caller = threading.Thread(target=desk.form, args=("ec2", "DescribeRegions"))
        caller.start()
        caller.join(0.2)
        assert caller.is_alive()
    caller.join(10)
    assert not caller.is_alive()


def parsed(protocol: Protocol, said: Answer) -> dict[str, Any]:
    """The error as botocore's own parser of that protocol reads it."""
    parser = create_parser(protocol.value)
    response = {
        "status_code": said.status,
        "headers": {name.lower(): value for name, value in said.headers.items()},
        "body": said.body,
        "context": {"operation_name": "Any"},
    }
    from botocore.model import OperationModel, ServiceModel

    model = ServiceModel({"metadata": {"protocol": protocol.value}, "operations": {}, "shapes": {}})
    operation = OperationModel({"name": "Any", "http": {}}, model)
    shape = operation.output_shape
    error: dict[str, Any] = parser.parse(response, shape)["Error"]
    return error


@pytest.mark.parametrize("protocol", list(Protocol), ids=lambda protocol: protocol.name)
def test_botocore_reads_our_error_in_every_protocol(protocol: Protocol) -> None:
    call = Call("s3" if protocol is Protocol.REST_XML else "any", "Do", protocol, "lab")
    error = parsed(protocol, answer(call, "Wrong", 'what was <wrong> & "why"'))
    assert (error["Code"], error["Message"]) == ("Wrong", 'what was <wrong> & "why"')


def test_a_crash_names_the_action_and_is_not_tried_again() -> None:
    said = crashed(Call("ec2", "RunInstances", Protocol.EC2, "lab"), KeyError("SubnetId"))
    assert said.status == 400
    assert b"ec2:RunInstances" in said.body
    assert b"SubnetId" in said.body
