"""scripts/nightly in an account of moto's: who is told, who has the lock, what is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bakehouse.aws import Account
from bakehouse.baking.nightly import Notes, read, write
from bakehouse.cli.nightly import (
    GoesOn,
    answer,
    difference,
    elsewhere,
    guard_of,
    parser,
    teller,
)
from bakehouse.images.account import Images
from bakehouse.images.image import Image, Wanted
from bakehouse.images.keep import describe, keep
from bakehouse.images.store import Store, store_of
from bakehouse.images.vulnerabilities import Known
from bakehouse.progress import Progress
from bakehouse.topic import MESSAGE_BYTES, Topic, cut

INVENTORY = str(Path(__file__).parents[3] / "inventories/lab")
BASE = Image("ami-0123456789abcdef0", "debian-13-amd64-20261101", "2026-11-01")


def unknown() -> Known:
    return Known(None, "the tracker could not be reached")


@pytest.fixture
def store(account: Account) -> Store:
    store = store_of(account)
    account.s3.create_bucket(Bucket=store.bucket)
    return store


@pytest.fixture
def queue(account: Account) -> Any:
    """A topic's ARN, and a function that says what came through it."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="people")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    topic = account.sns.create_topic(Name="images")["TopicArn"]
    account.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def heard() -> list[tuple[str, str]]:
        came = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        bodies = [json.loads(one["Body"]) for one in came]
        return [(body["Subject"], body["Message"]) for body in bodies]

    return topic, heard


def run(account: Account, *words: str) -> int:
    return answer(parser().parse_args([*words, "--inventory", INVENTORY]), account)


def test_people_hear_what_is_sent_to_the_topic(account: Account, queue: Any) -> None:
    topic, heard = queue
    tell = teller(account, topic, Progress(Console(quiet=True)))
    assert tell("dev has a new image\n", "packages: 1 added") == ""
    assert heard() == [("dev has a new image", "packages: 1 added")]


def test_a_topic_that_is_not_there_is_said_and_ends_nothing(account: Account) -> None:
    nowhere = "arn:aws:sns:us-east-1:123456789012:nowhere"
    said = Topic(account, nowhere).tell("subject", "text")
    assert said.startswith(f"{nowhere}: AWS refused Publish")


def test_a_text_that_is_too_long_for_a_message_says_that_there_is_more() -> None:
    long = "  + läng 1.0\n" * 40_000
    sent = cut(long)
    assert len(sent.encode()) < MESSAGE_BYTES + 100
    assert sent.endswith("... and more: scripts/image diff CHANNEL\n")
    assert cut("short") == "short"


def test_without_a_topic_nobody_is_told_and_whoever_watches_reads_so(account: Account) -> None:
    console = Console(record=True, width=200)
    tell = teller(account, "", Progress(console))
    assert tell("dev has a new image", "text") == ""
    assert "told nobody, as neither --topic nor BAKEHOUSE_TOPIC is set" in console.export_text()


def test_a_second_one_learns_who_since_when_and_what_for(account: Account, store: Store) -> None:
    guard_of(store, "dev", datetime(2026, 11, 27, tzinfo=UTC)).take()
    with pytest.raises(GoesOn, match=r"@.* since 20.* to bake dev's image of the night"):
        run(account)
    assert read(store, "dev") == Notes(), "and it is no failure"


def test_the_status_says_how_it_stands_and_who_is_at_it(
    account: Account, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write(store, "dev", Notes(3, now, "no mirror answers"))
    guard_of(store, "dev", datetime.now(UTC)).take()
    assert run(account, "--status") == 1
    said = capsys.readouterr().out
    for part in ("STOPPED after 3", "no mirror answers", "has held the lock since"):
        assert part in said
    write(store, "dev", Notes(0, now))
    assert run(account, "--status") == 0


def test_taken_up_again_it_is_no_longer_stopped(
    account: Account, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    write(store, "dev", Notes(3, datetime.now(UTC).isoformat(), "no mirror answers"))
    assert run(account, "--resume") == 0
    assert "had not stopped" not in capsys.readouterr().out
    assert read(store, "dev").failures == 0
    assert run(account, "--status") == 0
    assert run(account, "--resume") == 0
    assert "it had not stopped: 0 failures" in capsys.readouterr().out


def baked(account: Account, store: Store, name: str, nginx: str) -> Image:
    """An image with its record."""
    images = Images(account)
    id = account.ec2.register_image(Name=f"bakehouse-web-debian-13-{name}")["ImageId"]
    want = Wanted("debian-13", BASE, "app-1", name, "c0ffee", False)
    image = images.image(id)
    images.mark(image, want.tags(image.name, f"run-{name}"))
    record = describe(image, want, name, "us-east-1", f"ii \tnginx\tamd64\t{nginx}\tnginx\t{nginx}")
    keep(store, images, image, record, b"")
    return images.image(id)


def test_the_difference_is_from_the_image_that_the_channel_said_before(
    account: Account, store: Store
) -> None:
    first = baked(account, store, "1", "1.26")
    second = baked(account, store, "2", "1.28")
    assert "  ^ nginx 1.26 -> 1.28" in difference(account, first.id, second, unknown)


@pytest.mark.parametrize(
    ("before", "said"),
    [("", "there was none before it"), ("ami-0000", "ami-0000, the one before it, is gone")],
)
def test_without_an_image_before_it_there_is_nothing_to_compare(
    account: Account, store: Store, before: str, said: str
) -> None:
    image = baked(account, store, "1", "1.26")
    assert difference(account, before, image, unknown) == [f"nothing to compare it with: {said}"]


def test_a_lost_record_is_no_failed_night(account: Account, store: Store) -> None:
    first = baked(account, store, "1", "1.26")
    store.delete(f"images/{first.id}/record.json")
    second = baked(account, store, "2", "1.28")
    (said,) = difference(account, first.id, second, unknown)
    assert said.startswith(f"no difference can be told: {first.id} has no record")


def test_an_unchanged_image_that_somebody_moved_on_from_is_worth_a_word() -> None:
    asked, image = parser().parse_args([]), Image("ami-1", "", "")
    assert elsewhere(image, ["ami-1", "ami-2"], asked) == (
        "  note: dev says ami-2; somebody moved it from this one",
    )
    assert elsewhere(image, ["ami-2", "ami-1"], asked) == ()
