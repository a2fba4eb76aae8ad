"""What a request asks for, in each of AWS's protocols."""

from __future__ import annotations

import pytest

from bakehouse_lab.api.calls import Call, Protocol

FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8"}


def signed(service: str) -> dict[str, str]:
    scope = f"Credential=AKIALAB/20261121/us-east-1/{service}/aws4_request"
    return {"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}


TABLE = [
    (
        "EC2 names its action in a form",
        signed("ec2") | FORM,
        b"Action=RunInstances&MinCount=1",
        ("ec2", "RunInstances", Protocol.EC2),
    ),
    (
        "so do the query services",
        signed("autoscaling") | FORM,
        b"Version=2011-01-01&Action=SetDesiredCapacity",
        ("autoscaling", "SetDesiredCapacity", Protocol.QUERY),
    ),
    (
        "JSON services name it in a header",
        signed("secretsmanager") | {"HTTP_X_AMZ_TARGET": "secretsmanager.GetSecretValue"},
        b"{}",
        ("secretsmanager", "GetSecretValue", Protocol.JSON),
    ),
    (
        "CBOR services name it in the path",
        signed("monitoring") | {"PATH_INFO": "/service/GraniteService/operation/PutMetricData"},
        b"",
        ("monitoring", "PutMetricData", Protocol.CBOR),
    ),
    (
        "S3 has no action but a method and a path",
        signed("s3") | {"REQUEST_METHOD": "PUT", "PATH_INFO": "/bucket/key"},
        b"Action=Nonsense",
        ("s3", "PUT /bucket/key", Protocol.REST_XML),
    ),
    (
        "nor has Lambda, which answers JSON",
        signed("lambda") | {"REQUEST_METHOD": "GET", "PATH_INFO": "/2015-03-31/functions"},
        b"",
        ("lambda", "GET /2015-03-31/functions", Protocol.REST_JSON),
    ),
    (
        "a presigned URL carries its signature in the query",
        {
            "PATH_INFO": "/bucket/key",
            "QUERY_STRING": "X-Amz-Credential=AKIALAB%2F20261121%2Fus-east-1%2Fs3%2Faws4_request",
        },
        b"",
        ("s3", "GET /bucket/key", Protocol.REST_XML),
    ),
    ("an unsigned request is answered too", {}, b"", ("-", "GET /", Protocol.REST_XML)),
    (
        "bytes that are no text are no reason to fail",
        signed("ec2") | FORM,
        b"\xff\xfe&Action=RunInstances",
        ("ec2", "RunInstances", Protocol.EC2),
    ),
]


@pytest.mark.parametrize(
    ("environ", "body", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_request_says_service_action_and_protocol(
    environ: dict[str, str], body: bytes, wanted: tuple[str, str, Protocol]
) -> None:
    call = Call.read(environ, body)
    assert (call.service, call.action, call.protocol) == wanted


def test_the_log_can_tell_who_called() -> None:
    assert Call.read(signed("ec2"), b"").access_key == "AKIALAB"


@pytest.mark.parametrize(
    ("action", "protocol", "changes"),
    [
        ("DescribeInstances", Protocol.EC2, False),
        ("GetConsoleOutput", Protocol.EC2, False),
        ("RunInstances", Protocol.EC2, True),
        ("AuthorizeSecurityGroupIngress", Protocol.EC2, True),
        ("GET /bucket", Protocol.REST_XML, False),
        ("PUT /bucket", Protocol.REST_XML, True),
    ],
)
def test_reading_wakes_no_controller(action: str, protocol: Protocol, changes: bool) -> None:
    assert Call("-", action, protocol, "-").changes is changes
