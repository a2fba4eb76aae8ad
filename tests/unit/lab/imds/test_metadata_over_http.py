"""moto's own records, a real socket on loopback, botocore's own metadata client."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bakehouse_lab.imds.credentials import Keyring
from bakehouse_lab.imds.protocol import Tokens
from bakehouse_lab.imds.records import Records
from bakehouse_lab.imds.server import Listeners, Service
from bakehouse_lab.world import World

IP_MINTTL = 21  # <linux/in.h>; Python has no name for it

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def world() -> Iterator[World]:
    """A world of its own; moto's records are global to the process."""
    from moto.backends import get_backend

    world = World()
    yield world
    for service in ("ec2", "iam", "sts", "autoscaling"):
        get_backend(service).reset()


def launch(world: World, address: str, **more: Any) -> Any:
    ec2 = world.backend("ec2")
    subnet = next(iter(ec2.get_default_subnets().values()))
    reservation = ec2.run_instances(
        ec2.register_image(f"for-{address}").id,
        1,
        None,
        [],
        instance_type="t3.small",
        is_instance_type_default=False,
        subnet_id=subnet.id,
        **more,
    )
    instance = reservation.instances[0]
    instance.nics[0].private_ip_address = address
    return instance


def give_role(world: World, instance: Any) -> None:
    iam, ec2 = world.backend("iam", "aws"), world.backend("ec2")
    iam.create_role("web-role", TRUST, "/", None, "", [], 3600)
    iam.create_instance_profile("web", "/", [])
    iam.add_role_to_instance_profile("web", "web-role")
    ec2.associate_iam_instance_profile(instance.id, "web")


@pytest.fixture
def port(world: World) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    records = Records(world)
    keyring = Keyring(records.assume, time.time)
    tokens = Tokens(time.time, lambda: "a-token")
    listeners = Listeners(Service(records.find, tokens, keyring.document, time.time), number)
    listeners.listen("127.0.0.1")
    yield number
    listeners.close()


def ask(port: int, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    return connection.getresponse()


def test_a_caller_is_known_by_its_address(world: World, port: int) -> None:
    launch(world, "10.9.9.9")
    mine = launch(world, "127.0.0.1")
    assert ask(port, "GET", "/latest/meta-data/instance-id").read().decode() == mine.id


def test_a_caller_that_is_no_instance_finds_nothing(world: World, port: int) -> None:
    launch(world, "10.9.9.9")
    assert ask(port, "GET", "/latest/meta-data/instance-id").status == 404


def test_a_terminated_instance_does_not_answer_for_its_old_address(world: World, port: int) -> None:
    old = launch(world, "127.0.0.1")
    old.terminate()
    assert ask(port, "GET", "/latest/meta-data/instance-id").status == 404


def test_version_2_works_over_a_connection_that_stays_open(world: World, port: int) -> None:
    mine = launch(world, "127.0.0.1", metadata_options={"HttpTokens": "required"})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    connection.request("PUT", "/latest/api/token", headers=ttl)
    token = connection.getresponse().read().decode()
    connection.request("GET", "/latest/meta-data/instance-id")
    refused = connection.getresponse()
    refused.read()
    assert refused.status == 401
    headers = {"X-aws-ec2-metadata-token": token}
    connection.request("GET", "/latest/meta-data/instance-id", headers=headers)
    assert connection.getresponse().read().decode() == mine.id


def test_user_data_is_what_the_caller_gave_before_encoding(world: World, port: int) -> None:
    from moto.ec2.utils import parse_user_data

    script = b"#!/bin/sh\necho \xff"
    mine = launch(world, "127.0.0.1")
    mine.user_data = parse_user_data(base64.b64encode(script).decode())
    assert ask(port, "GET", "/latest/user-data").read() == script


def test_credentials_belong_to_a_session_of_the_role_named_for_the_instance(
    world: World, port: int
) -> None:
    mine = launch(world, "127.0.0.1")
    give_role(world, mine)
    path = "/latest/meta-data/iam/security-credentials/web-role"
    keys = json.loads(ask(port, "GET", path).read())
    sts = world.backend("sts", "aws")
    _, arn, _ = sts.get_caller_identity(keys["AccessKeyId"], "us-east-1")
    assert arn == f"arn:aws:sts::123456789012:assumed-role/web-role/{mine.id}"


def test_botocore_finds_role_credentials_and_region_by_itself(world: World, port: int) -> None:
    from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

    give_role(world, launch(world, "127.0.0.1", metadata_options={"HttpTokens": "required"}))
    url = f"http://127.0.0.1:{port}/"
    found = InstanceMetadataFetcher(base_url=url).retrieve_iam_role_credentials()
    assert found["role_name"] == "web-role"
    assert found["access_key"].startswith("ASIA")
    assert InstanceMetadataRegionFetcher(base_url=url).retrieve_region() == "us-east-1"


def token_arrives(port: int, least_hops: int) -> bool:
    """Whether a token arrives at a reader that drops packets with fewer hops left."""
    request = b"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\n"
    request += b"X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=0.4) as raw:
        raw.setsockopt(socket.IPPROTO_IP, IP_MINTTL, least_hops)
        raw.sendall(request)
        try:
            return b" 200 " in raw.recv(4096)
        except TimeoutError:
            return False


def test_a_token_travels_as_many_hops_as_the_instance_allows(world: World, port: int) -> None:
    launch(world, "127.0.0.1", metadata_options={"HttpPutResponseHopLimit": "3"})
    assert token_arrives(port, least_hops=3)
    assert not token_arrives(port, least_hops=4)
