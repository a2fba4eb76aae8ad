from __future__ import annotations

import dataclasses
import itertools
import json

import pytest

from bakehouse_lab.imds.credentials import LIFETIME_SECONDS, Keyring, Keys
from bakehouse_lab.imds.host import Access, Host, Interface, Profile
from bakehouse_lab.imds.protocol import TOKEN, TOKEN_TTL, Answer, Request, Tokens, respond

HOST = Host(
    id="i-0a",
    account="123456789012",
    region="us-east-1",
    zone="us-east-1a",
    zone_id="use1-az1",
    image="ami-0a",
    type="t3.small",
    architecture="x86_64",
    address="10.20.11.7",
    hostname="ip-10-20-11-7.ec2.internal",
    reservation="r-0a",
    launch_index=0,
    life_cycle="on-demand",
    launched="2026-01-31T12:00:00Z",
    root_device="/dev/xvda",
    interface=Interface("eni", "02:00", "subnet", "10.0.0.0/24", "vpc", "10.0.0.0/16", (), ()),
    access=Access(tokens_required=True, hop_limit=2),
    profile=Profile("arn:profile/web", "AIPA0", "web-role", "arn:role/web-role"),
)
OTHER = dataclasses.replace(HOST, id="i-0b")
OPEN = dataclasses.replace(HOST, access=Access(tokens_required=False))


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Service:
    """The protocol with a clock of its own, and tokens that can be told apart."""

    def __init__(self) -> None:
        self.clock = Clock()
        numbers = itertools.count(1)
        self.tokens = Tokens(self.clock, lambda: f"token-{next(numbers)}")

    def ask(self, host: Host, method: str, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return respond(Request(method, path, named), host, self.tokens, lambda: "keys", "now")

    def token(self, host: Host = HOST, seconds: str = "60", **headers: str) -> Answer:
        headers[TOKEN_TTL] = seconds
        return self.ask(host, "PUT", "/latest/api/token", **headers)

    def read(self, host: Host = HOST, token: str | None = None) -> Answer:
        headers = {TOKEN: token} if token is not None else {}
        return self.ask(host, "GET", "/latest/meta-data/instance-id", **headers)


def test_a_token_opens_the_metadata() -> None:
    service = Service()
    answer = service.read(token=service.token().body.decode())
    assert (answer.status, answer.body) == (200, b"i-0a")


def test_a_token_says_how_long_it_lasts_and_travels_no_further_than_allowed() -> None:
    answer = Service().token(seconds="21600")
    assert answer.headers[TOKEN_TTL] == "21600"
    assert answer.hops == 2


def test_only_the_token_is_kept_from_travelling() -> None:
    service = Service()
    assert service.read(OPEN).hops is None


@pytest.mark.parametrize("seconds", ["", "0", "21601", "-1", "1.5", "soon"])
def test_a_token_for_an_impossible_time_is_refused(seconds: str) -> None:
    assert Service().token(seconds=seconds).status == 400


def test_a_token_is_not_given_through_a_proxy() -> None:
    assert Service().token(x_forwarded_for="10.0.0.9").status == 403


def test_a_token_expires() -> None:
    service = Service()
    token = service.token(seconds="60").body.decode()
    service.clock.seconds += 59
    assert service.read(token=token).status == 200
    service.clock.seconds += 1
    assert service.read(token=token).status == 401


def test_a_token_of_one_instance_does_not_open_another() -> None:
    service = Service()
    assert service.read(HOST, token=service.token(OTHER).body.decode()).status == 401


def test_a_reader_without_a_token_is_refused_where_tokens_are_required() -> None:
    service = Service()
    assert service.read(HOST).status == 401
    assert service.read(OPEN).status == 200


def test_a_wrong_token_is_refused_even_where_none_is_required() -> None:
    assert Service().read(OPEN, token="made up").status == 401


def test_an_instance_whose_metadata_is_off_reads_nothing() -> None:
    service = Service()
    off = dataclasses.replace(HOST, access=Access(enabled=False))
    assert service.token(off).status == 403
    assert service.read(off).status == 403


def test_what_is_not_there_is_not_found() -> None:
    assert Service().ask(OPEN, "GET", "/latest/meta-data/nothing").status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/latest/api/token"), ("PUT", "/latest/meta-data/instance-id")]
)
def test_other_methods_are_not_taken(method: str, path: str) -> None:
    assert Service().ask(OPEN, method, path).status == 405


def test_expired_tokens_are_not_kept() -> None:
    service = Service()
    for _ in range(50):
        service.token(seconds="1")
        service.clock.seconds += 2
    assert len(service.tokens._until) == 1


class PretendSts:
    """Counts the sessions that it opens."""

    def __init__(self) -> None:
        self.sessions: list[tuple[str, str, int]] = []

    def assume(self, role: str, session: str, seconds: int) -> Keys:
        self.sessions.append((role, session, seconds))
        return Keys(f"ASIA{len(self.sessions)}", "secret", "token")


def test_credentials_are_a_session_of_the_role_named_for_the_instance() -> None:
    sts = PretendSts()
    document = json.loads(Keyring(sts.assume, Clock()).document(HOST))
    assert sts.sessions == [("arn:role/web-role", "i-0a", LIFETIME_SECONDS)]
    assert document["AccessKeyId"] == "ASIA1"
    assert document["Code"] == "Success"
    assert document["Expiration"] == "1970-01-01T06:16:40Z"


def test_credentials_stay_the_same_for_an_hour_and_are_renewed_hours_before_they_expire() -> None:
    sts, clock = PretendSts(), Clock()
    keyring = Keyring(sts.assume, clock)
    first = keyring.document(HOST)
    clock.seconds += 3599
    assert keyring.document(HOST) == first
    clock.seconds += 1
    assert json.loads(keyring.document(HOST))["AccessKeyId"] == "ASIA2"


def test_another_role_on_the_same_instance_gets_keys_of_its_own() -> None:
    sts = PretendSts()
    keyring = Keyring(sts.assume, Clock())
    keyring.document(HOST)
    changed = dataclasses.replace(HOST, profile=Profile("arn:p", "AIPA1", "db", "arn:role/db"))
    assert json.loads(keyring.document(changed))["AccessKeyId"] == "ASIA2"
