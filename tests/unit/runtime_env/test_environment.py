"""The pure parts: patterns filled, values quoted, the secret judged."""

from __future__ import annotations

import doctest

import pytest

from runtime_env import environment, settings
from runtime_env.environment import compose, parse_secret, render
from runtime_env.faults import TagMissing
from runtime_env.metadata import Identity
from runtime_env.settings import fill, from_json

ME = Identity(instance="i-1", image="ami-1", zone="us-east-1a", region="us-east-1")


@pytest.mark.parametrize("module", [environment, settings])
def test_the_examples_are_true(module: object) -> None:
    done = doctest.testmod(module)  # type: ignore[arg-type]  # typeshed wants a module, parametrize gives object

    assert (done.failed, done.attempted > 0) == (0, True)


@pytest.mark.parametrize(
    ("why", "value", "written"),
    [
        ("a dollar names a variable", "a$b", r"a\$b"),
        ("a quote ends the value", 'a"b', r"a\"b"),
        ("a backslash escapes", "a\\b", r"a\\b"),
        ("a line ends at its end", "a\nb", r"a\nb"),
        ("the rest is plain", "a#b 'c' =d {e} ü", "a#b 'c' =d {e} ü"),
        ("an escaped dollar stays two characters", "\\$x", r"\\\$x"),
    ],
)
def test_a_value_is_written_so_that_dotenv_reads_it_back(
    why: str, value: str, written: str
) -> None:
    assert render({"NAME": value}) == f'NAME="{written}"\n', why


def test_several_tags_can_make_a_name() -> None:
    tags = {"Environment": "prod", "Application": "shop"}

    assert fill("{Environment}-{Application}-db", tags) == "prod-shop-db"


@pytest.mark.parametrize("tags", [{}, {"Environment": ""}])
def test_a_name_without_its_tag_is_no_name(tags: dict[str, str]) -> None:
    with pytest.raises(TagMissing, match="Environment"):
        fill("{Environment}-db", tags)


def test_all_patterns_are_looked_at_for_tags() -> None:
    text = '{"secret": "{A}/x", "database": "{B}", "cache": "", "constants": {"K": "{C}-{A}"}}'

    assert from_json(text).tags == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "wanted an object"),
        ("{}", "secret is not set"),
        ('{"secret": "x", "deadline_seconds": 0}', "deadline_seconds is 0"),
        ('{"secret": "x", "deadline_seconds": "9"}', "deadline_seconds is '9'"),
        ('{"secret": "x", "cahe": "y"}', "unknown: cahe; known: afterwards"),
        ("{", "Expecting"),
    ],
)
def test_a_wrong_configuration_is_told_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_json(text)


def test_numbers_and_switches_in_the_secret_become_what_a_person_would_write() -> None:
    assert parse_secret('{"A": 1, "B": true, "C": "x", "D": 0.5}', "s") == {
        "A": "1",
        "B": "true",
        "C": "x",
        "D": "0.5",
    }


def test_the_secret_can_name_a_proxy_in_front_of_the_database_but_not_another_instance() -> None:
    database = environment.Database("db.test", 3306, "app")
    secret = {"DB_HOST": "proxy.test", "INSTANCE_ID": "i-other"}

    said = compose(ME, {"DB_HOST": "constant"}, secret, database, None, "")

    assert (said["DB_HOST"], said["INSTANCE_ID"]) == ("proxy.test", "i-1")


@pytest.mark.parametrize(
    ("secret", "url"),
    [
        ({}, "tls://redis.test:6379"),
        ({"REDIS_HOST": "proxy.test", "REDIS_SCHEME": "tcp"}, "tcp://proxy.test:6379"),
        ({"REDIS_URL": "tls://theirs.test"}, "tls://theirs.test"),
    ],
)
def test_the_cache_s_url_says_what_its_parts_say(secret: dict[str, str], url: str) -> None:
    """Laravel believes it more than host, port and scheme."""
    cache = environment.Cache("redis.test", 6379, tls=True, password_wanted=False)
    assert compose(ME, {}, secret, None, cache, "")["REDIS_URL"] == url


def test_without_authorities_nothing_is_said_about_them() -> None:
    database = environment.Database("db.test", 3306, "")

    said = compose(ME, {}, {}, database, None, "")

    assert {"MYSQL_ATTR_SSL_CA", "DB_DATABASE"}.isdisjoint(said)
