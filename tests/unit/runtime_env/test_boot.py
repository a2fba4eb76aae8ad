"""What the program does at boot: the file when all is well; a status and a sentence when not."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError
from tests.unit.runtime_env.conftest import AUTHORITIES, BINARY

from runtime_env.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "staging/app"


def error(code: str, status: int = 400) -> Exception:
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    trouble: Exception = ClientError(said, "Operation")
    return trouble


def test_the_environment_holds_what_tags_secret_and_addresses_say(instance: Any) -> None:
    assert instance.run() == 0

    assert instance.output.read_text().splitlines() == [
        'AMI_ID="ami-0f00"',
        'APP_ENV="staging"',
        'APP_KEY="base64:AAAA"',
        'AVAILABILITY_ZONE="us-east-1b"',
        'AWS_DEFAULT_REGION="us-east-1"',
        'DB_CONNECTION="mysql"',
        'DB_DATABASE="app"',
        'DB_HOST="db.test"',
        r'DB_PASSWORD="a\$b#c\"d"',
        'DB_PERSISTENT="true"',
        'DB_PORT="3306"',
        'DB_USERNAME="app"',
        'INSTANCE_ID="i-0f00"',
        f'MYSQL_ATTR_SSL_CA="{AUTHORITIES}"',
        'REDIS_HOST="redis.test"',
        'REDIS_PASSWORD="long"',
        'REDIS_PERSISTENT="true"',
        'REDIS_PORT="6379"',
        'REDIS_SCHEME="tls"',
        'REDIS_URL="tls://redis.test:6379"',
    ]
    assert instance.cloud.regions == ["us-east-1"]


def test_only_root_and_the_group_can_read_it(instance: Any) -> None:
    instance.run()

    assert stat.S_IMODE(instance.output.stat().st_mode) == 0o640


def test_plain_text_is_spoken_where_it_is_allowed(instance: Any) -> None:
    plain_cache(instance)
    no_authorities(instance)
    instance.settings["plain_text_allowed"] = True

    assert instance.run() == 0
    said = instance.output.read_text()
    assert 'REDIS_SCHEME="tcp"' in said
    assert 'REDIS_URL="tcp://redis.test:6379"' in said
    assert "SSL_CA" not in said


def test_plain_settings_come_from_parameter_store_and_the_secret_outranks_them(
    instance: Any,
) -> None:
    instance.settings["parameters"] = "/{Environment}/app"
    instance.cloud.parameters = {
        "/staging/app/APP_NAME": "Shop",
        "/staging/app/APP_ENV": "from-parameters",
        "/staging/app/APP_KEY": "not this one",
        "/staging/application/OTHER": "not below the path",
    }

    assert instance.run() == 0

    said = instance.output.read_text()
    assert 'APP_NAME="Shop"' in said
    assert 'APP_ENV="from-parameters"' in said
    assert 'APP_KEY="base64:AAAA"' in said
    assert "OTHER" not in said


def test_an_application_without_database_and_cache_needs_neither(instance: Any) -> None:
    instance.settings |= {"database": "", "cache": "", "required_keys": ["APP_KEY"]}
    instance.cloud.databases.clear()
    instance.cloud.caches.clear()

    assert instance.run() == 0
    assert "DB_HOST" not in instance.output.read_text()


def forget_tag(it: Any) -> None:
    it.metadata.tags.clear()


def refuse_metadata(it: Any) -> None:
    it.metadata.refuses = 403


def break_metadata(it: Any) -> None:
    it.metadata.refuses = 500


def garble_document(it: Any) -> None:
    it.metadata.document = "<html>"


def forget_secret(it: Any) -> None:
    it.cloud.secrets.clear()


def secret_is(text: Any) -> Callable[[Any], None]:
    def put(it: Any) -> None:
        it.cloud.secrets[SECRET] = text

    return put


def always(action: str, trouble: Exception) -> Callable[[Any], None]:
    def put(it: Any) -> None:
        it.cloud.troubles[action] = [trouble] * 1000

    return put


def forget_key(it: Any) -> None:
    del it.cloud.secrets[SECRET]["DB_PASSWORD"]


def forget_redis_password(it: Any) -> None:
    it.cloud.secrets[SECRET]["REDIS_PASSWORD"] = ""


def forget_database(it: Any) -> None:
    it.cloud.databases.clear()


def database_never_comes(it: Any) -> None:
    it.cloud.databases["staging-db"] = {"DBInstanceStatus": "creating"}


def forget_cache(it: Any) -> None:
    it.cloud.caches.clear()


def cache_never_comes(it: Any) -> None:
    it.cloud.caches["staging-redis"] = {"Status": "creating", "NodeGroups": []}


def cache_is_a_cluster(it: Any) -> None:
    it.cloud.caches["staging-redis"] = {"ClusterEnabled": True, "NodeGroups": [{"Slots": "0-1"}]}


def no_authorities(it: Any) -> None:
    it.settings["authorities"] = ""


def plain_cache(it: Any) -> None:
    it.cloud.caches["staging-redis"]["TransitEncryptionEnabled"] = False


def missing_authorities(it: Any) -> None:
    it.settings["authorities"] = str(it.folder / "missing.pem")


def empty_authorities(it: Any) -> None:
    missing_authorities(it)
    (it.folder / "missing.pem").write_text("")


def parameters_are(**values: str) -> Callable[[Any], None]:
    def put(it: Any) -> None:
        it.settings["parameters"] = "/{Environment}/app"
        it.cloud.parameters = {f"/staging/app/{name}": value for name, value in values.items()}

    return put


def misspell_setting(it: Any) -> None:
    it.settings["databse"] = "x"


def application_fails(it: Any) -> None:
    it.settings["afterwards"] = [["/bin/false"]]


def folder_is_missing(it: Any) -> None:
    it.settings["output"] = str(it.folder / "missing" / "env")


FAULTS: list[tuple[str, Callable[[Any], None], int, str]] = [
    ("metadata service is off", refuse_metadata, 10, "refuses (403)"),
    ("metadata service fails for good", break_metadata, 10, "answered 500"),
    ("something else listens there", garble_document, 10, "other than an identity document"),
    ("tag is missing", forget_tag, 11, "no tag Environment"),
    ("secret is missing", forget_secret, 12, "there is no secret staging/app"),
    (
        "secret is marked for deletion",
        always("secret", error("InvalidRequestException")),
        28,
        "marked for deletion",
    ),
    (
        "role may not read the secret",
        always("secret", error("AccessDeniedException")),
        13,
        "may not do secretsmanager:GetSecretValue",
    ),
    (
        "role may not use the key",
        always("secret", error("DecryptionFailure")),
        13,
        "DecryptionFailure",
    ),
    ("no instance profile", always("secret", NoCredentialsError()), 13, "has no role"),
    ("secret is not JSON", secret_is("hunter2"), 14, "is not JSON"),
    ("secret is a list", secret_is(["hunter2"]), 14, "not an object"),
    ("secret is empty", secret_is(""), 14, "without text"),
    ("secret is binary", secret_is(BINARY), 14, "without text"),
    ("secret holds a tree", secret_is({"APP_KEY": {"x": "hunter2"}}), 14, "at APP_KEY"),
    ("secret holds no name", secret_is({"hunter2 x": "1"}), 14, "cannot be the name"),
    ("key is missing", forget_key, 15, "has no DB_PASSWORD"),
    ("cache wants a password", forget_redis_password, 15, "has no REDIS_PASSWORD"),
    ("database is missing", forget_database, 16, "there is no database staging-db"),
    ("database is still being made", database_never_comes, 16, "no address (status creating)"),
    ("cache is missing", forget_cache, 17, "there is no replication group staging-redis"),
    ("cache is still being made", cache_never_comes, 17, "no address (status creating)"),
    ("cache is a cluster", cache_is_a_cluster, 17, "cluster mode"),
    (
        "throttled for good",
        always("secret", error("ThrottlingException")),
        25,
        "answered ThrottlingException",
    ),
    ("API fails for good", always("database", error("", 503)), 26, "answered 503"),
    (
        "API is a black hole",
        always("cache", ConnectTimeoutError(endpoint_url="x")),
        23,
        "no answer (ConnectTimeoutError)",
    ),
    (
        "nobody listens",
        always("database", EndpointConnectionError(endpoint_url="x")),
        24,
        "nobody who listens",
    ),
    (
        "something else answers",
        always("database", ResponseParserError("x")),
        27,
        "something that is not AWS",
    ),
    ("no parameters", parameters_are(), 29, "nothing below /staging/app"),
    ("odd parameter", parameters_are(**{"a-b": "1"}), 29, "/staging/app/a-b cannot be"),
    ("database in plain text", no_authorities, 31, "plain text to the database"),
    ("cache in plain text", plain_cache, 31, "no encryption in transit"),
    ("authorities are missing", missing_authorities, 30, "missing.pem cannot be used"),
    ("authorities are none", empty_authorities, 30, "missing.pem cannot be used"),
    ("API says what nobody knows", always("secret", error("Odd")), 18, "Odd"),
    ("our own file is misspelt", misspell_setting, 19, "unknown: databse"),
    ("the application cannot read it", application_fails, 20, "/bin/false failed with status 1"),
    ("it cannot be written", folder_is_missing, 21, "cannot be written"),
]


@pytest.mark.parametrize(("fault", "put", "status", "said"), FAULTS, ids=[row[0] for row in FAULTS])
def test_each_fault_has_its_own_status_and_a_sentence_without_a_secret(
    instance: Any,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    put: Callable[[Any], None],
    status: int,
    said: str,
) -> None:
    put(instance)

    assert instance.run() == status

    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("No environment: ")
    assert said in last
    assert ". Next: " in last
    assert "hunter2" not in last


def test_each_fault_of_the_same_kind_and_no_other_shares_a_status() -> None:
    kinds = [kind for kind in Fault.__subclasses__() if kind.__module__ == Fault.__module__]
    assert len({kind.status for kind in kinds}) == len(kinds)
    assert {status for _, _, status, _ in FAULTS} | {22} == {kind.status for kind in kinds}


def test_what_nobody_foresaw_is_told_without_its_words(
    instance: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    always("secret", RuntimeError("hunter2"))(instance)

    assert instance.run() == 1

    said = capsys.readouterr().err
    assert "RuntimeError in " in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("why", "trouble"),
    [
        ("throttled", error("RequestLimitExceeded")),
        ("credentials ran out", error("ExpiredTokenException")),
        ("the clock is being set", error("RequestTimeTooSkewed", 403)),
        ("the API fails", error("InternalFailure", 500)),
        ("a proxy fails", error("", 502)),
        ("nothing answers", ConnectTimeoutError(endpoint_url="x")),
        ("the role is not there yet", NoCredentialsError()),
    ],
)
def test_what_passes_by_itself_is_asked_again(instance: Any, why: str, trouble: Exception) -> None:
    instance.cloud.troubles = {"secret": [trouble, trouble], "database": [trouble]}

    assert instance.run() == 0, why
    assert instance.time.sleeps == [0.5, 1.0, 0.5]


def test_a_database_that_is_being_made_is_waited_for(instance: Any) -> None:
    ready = instance.cloud.databases["staging-db"]
    instance.cloud.databases["staging-db"] = {"DBInstanceStatus": "creating"}
    sleep = instance.time.sleep

    def sleep_until_ready(seconds: float) -> None:
        sleep(seconds)
        if instance.time.now > 1020:
            instance.cloud.databases["staging-db"] = ready

    instance.time.sleep = sleep_until_ready

    assert instance.run() == 0
    assert max(instance.time.sleeps) == 8.0


def test_nothing_is_asked_after_the_deadline(instance: Any) -> None:
    always("secret", error("ThrottlingException"))(instance)

    instance.run("--deadline", "30")

    assert 22 < sum(instance.time.sleeps) < 30


def test_a_denial_is_not_asked_again(instance: Any) -> None:
    always("secret", error("AccessDeniedException"))(instance)

    instance.run()

    assert instance.time.sleeps == []


def test_a_metadata_service_that_comes_late_is_waited_for(instance: Any) -> None:
    instance.metadata.failures = 3

    assert instance.run() == 0
    assert len(instance.time.sleeps) == 3


def test_a_token_that_ran_out_is_replaced(instance: Any) -> None:
    instance.metadata.tokens_expire = 1

    assert instance.run() == 0
    assert instance.metadata.requests.count("PUT /latest/api/token") == 2


def test_a_fault_leaves_the_file_as_it_was(instance: Any) -> None:
    instance.run()
    before = instance.output.read_text()
    forget_secret(instance)

    assert instance.run() == 12
    assert instance.output.read_text() == before


def test_a_host_that_never_had_an_environment_gets_none_from_a_fault(instance: Any) -> None:
    forget_key(instance)

    instance.run()

    assert not instance.output.exists()


def test_a_second_run_does_not_touch_the_file(instance: Any) -> None:
    instance.run()
    before = instance.output.stat()

    assert instance.run() == 0
    assert instance.output.stat() == before


def test_check_tells_by_its_status_whether_a_run_would_change_something(instance: Any) -> None:
    assert instance.run("--check") == 3
    assert not instance.output.exists()

    instance.run()
    assert instance.run("--check") == 0

    instance.cloud.secrets[SECRET]["DB_PASSWORD"] = "rotated"
    assert instance.run("--check") == 3
    assert "rotated" not in instance.output.read_text()


def test_check_asks_those_who_use_the_environment_too(instance: Any) -> None:
    program = instance.folder / "program"
    program.write_text('#!/bin/sh\n[ "$1" != --check ] || exit 3\n')
    program.chmod(0o755)
    instance.settings["afterwards"] = [[str(program)]]

    assert instance.run() == 0
    assert instance.run("--check") == 3


def test_a_program_that_is_not_on_this_host_is_not_run(instance: Any) -> None:
    instance.settings["afterwards"] = [["/nowhere/cache-config"]]

    assert instance.run() == 0


def test_the_file_is_complete_before_others_are_told(instance: Any) -> None:
    copy = instance.folder / "copy"
    instance.settings["afterwards"] = [["/bin/cp", instance.settings["output"], str(copy)]]

    instance.run()

    assert copy.read_text() == instance.output.read_text()
