"""Promoting, going back, and setting images aside, in an account of moto's."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends

from bakehouse.aws import Account
from bakehouse.cli.desk import Desk, InUse
from bakehouse.cli.image import parser
from bakehouse.images.account import Images
from bakehouse.images.channels import NothingBefore, NotPromoted
from bakehouse.images.collect import collect
from bakehouse.images.copies import NotCopied
from bakehouse.images.garbage import Policy, plan
from bakehouse.images.image import DISABLED, RUN, Image, Wanted
from bakehouse.images.keep import describe, keep
from bakehouse.images.parameters import Channels
from bakehouse.images.record import Verification
from bakehouse.images.referrers import Referrers
from bakehouse.images.shares import NotShared
from bakehouse.images.store import Store, store_of
from bakehouse.images.vulnerabilities import Known

WELL = Verification("2026-11-27", "staging-web", 90, 2, ("/ 200",), ("ids",), 21.5)
BASE = Image("ami-0123456789abcdef0", "debian-13-amd64-20261101", "2026-11-01")
NGINX = "ii \tnginx\tamd64\t{version}\tnginx\t{version}\n"

UNREACHABLE = Known(None, "the tracker could not be reached")

Bake = Callable[..., Image]


# What moto does not know; an API that does not know a call says so, and our tag says the same.
UNKNOWN = ("EnableImageDeprecation", "DisableImageDeprecation", "DisableImage", "EnableImage")


def refuse(model: Any, **_: Any) -> None:
    said = {"Error": {"Code": "InvalidAction", "Message": f"{model.name} is not valid"}}
    raise ClientError(said, model.name)


@pytest.fixture
def world(account: Account) -> Iterator[Account]:
    account.s3.create_bucket(Bucket=store_of(account).bucket)
    for name in UNKNOWN:
        account.ec2.meta.events.register(f"before-call.ec2.{name}", refuse)
    yield account
    for name in UNKNOWN:
        account.ec2.meta.events.unregister(f"before-call.ec2.{name}", refuse)


@pytest.fixture
def bake(world: Account, tmp_path: Path) -> Bake:
    """Make an image with a record, as a bake would: `bake("1", nginx="1.26")`."""

    def make(name: str, *, nginx: str = "1.26", verified: bool = True, role: str = "a") -> Image:
        images = Images(world)
        host = world.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
        id = host["Instances"][0]["InstanceId"]
        made = world.ec2.create_image(InstanceId=id, Name=f"bakehouse-web-debian-13-{name}")
        world.ec2.terminate_instances(InstanceIds=[id])
        image = images.image(made["ImageId"])
        inputs = {"roles/nginx/tasks/main.yml": role, "fact base": BASE.id}
        want = Wanted("debian-13", BASE, "app-1", name, "c0ffee", False, inputs, {}, "ann")
        images.mark(image, want.tags(image.name, f"run-{name}"))
        record = describe(image, want, f"run-{name}", "us-east-1", NGINX.format(version=nginx))
        record = record.verified(WELL) if verified else record
        keep(store_of(world), images, images.image(image.id), record, b"")
        return images.image(image.id)

    return make


def ask(world: Account, *words: str) -> tuple[Any, str]:
    """What scripts/image answers: for a program, and for a person."""
    asked: Namespace = parser().parse_args(words)
    desk = Desk(asked, world, lambda: UNREACHABLE)
    answer, lines = getattr(desk, f"_{asked.verb}")()
    return json.loads(json.dumps(answer)), "\n".join(lines)


def test_the_same_image_goes_from_dev_to_staging_to_production(world: Account, bake: Bake) -> None:
    image, channels = bake("1"), Channels(world, {})
    channels.move("dev", image.id, "baked")
    ask(world, "promote", "dev", "staging")
    ask(world, "promote", "staging", "production")
    assert channels.now() == dict.fromkeys(("dev", "staging", "production"), image.id)


def test_what_a_dry_run_would_move_stays(world: Account, bake: Bake) -> None:
    image, channels = bake("1"), Channels(world, {})
    channels.move("dev", image.id, "baked")
    answer, said = ask(world, "promote", "dev", "staging", "--dry-run")
    assert (answer["moved"], said) == (False, f"would move staging from nothing to {image.id}")
    assert channels.now() == {"dev": image.id}


def test_an_image_that_nobody_verified_is_not_promoted(world: Account, bake: Bake) -> None:
    image, channels = bake("1", verified=False), Channels(world, {})
    channels.move("dev", image.id, "by hand")
    with pytest.raises(NotPromoted, match="is unverified"):
        ask(world, "promote", "dev", "staging")
    assert channels.now() == {"dev": image.id}


def test_an_image_whose_record_was_changed_is_not_promoted(world: Account, bake: Bake) -> None:
    image = bake("1")
    Channels(world, {}).move("dev", image.id, "baked")
    store: Store = store_of(world)
    kept = store.get(f"images/{image.id}/record.json")
    assert kept
    store.put(f"images/{image.id}/record.json", kept.content.replace(b"ann", b"bob"))
    with pytest.raises(NotPromoted, match="not the one that the image was given"):
        ask(world, "promote", "dev", "staging")


def test_a_channel_is_not_skipped(world: Account) -> None:
    with pytest.raises(NotPromoted, match=r"takes from staging.*\n  next: .*promote staging prod"):
        ask(world, "promote", "dev", "production")


def test_a_channel_goes_back_says_why_and_does_not_come_back_to_it(
    world: Account, bake: Bake
) -> None:
    first, second, channels = bake("1"), bake("2"), Channels(world, {})
    for image in (first, second):
        channels.move("production", image.id, "promoted from staging")
    answer, said = ask(world, "rollback", "production", "--why", "500s")
    assert (answer["image"], answer["was"]) == (first.id, second.id)
    assert f"{second.id} -> {first.id}" in said
    assert channels.history("production")[-1].why == f"rolled back from {second.id}: 500s"
    with pytest.raises(NothingBefore):
        ask(world, "rollback", "production")
    assert channels.now()["production"] == first.id


def test_the_list_says_which_channel_says_which_image(world: Account, bake: Bake) -> None:
    first, second = bake("1"), bake("2", verified=False)
    Channels(world, {}).move("dev", first.id, "baked")
    answer, _ = ask(world, "list")
    assert {one["image"]: (one["state"], one["channels"]) for one in answer} == {
        first.id: ("verified", ["dev"]),
        second.id: ("unverified", []),
    }


def test_show_says_where_an_image_comes_from(world: Account, bake: Bake) -> None:
    image = bake("1")
    answer, said = ask(world, "show", image.id)
    assert answer["packages"][0]["name"] == "nginx"
    for told in ("by ann", "c0ffee", BASE.id, "90 tests passed", "app-1"):
        assert told in said


def test_a_diff_names_packages_our_files_and_what_it_does_not_know(
    world: Account, bake: Bake
) -> None:
    first, second = bake("1", nginx="1:1.0~rc1"), bake("2", nginx="1:1.0", role="b")
    channels = Channels(world, {})
    for image in (first, second):
        channels.move("dev", image.id, "baked")
    answer, said = ask(world, "diff", "dev")
    assert answer["upgraded"] == {"nginx": ["1:1.0~rc1", "1:1.0"]}
    assert answer["inputs"] == ["~ roles/nginx/tasks/main.yml"]
    assert "vulnerabilities: not evaluated: the tracker could not be reached" in said
    assert answer["vulnerabilities"] == {"evaluated": False, "note": UNREACHABLE.note}
    assert "DOWN nginx" in ask(world, "diff", second.id, first.id)[1]


def test_what_a_channel_says_is_not_set_aside(world: Account, bake: Bake) -> None:
    image = bake("1")
    Channels(world, {}).move("dev", image.id, "baked")
    with pytest.raises(InUse, match="parameter /bakehouse/dev/web"):
        ask(world, "deprecate", image.id)


def test_garbage_goes_in_three_steps_with_its_snapshots_and_what_is_used_stays(
    world: Account, bake: Bake
) -> None:
    used, old = bake("1"), bake("2", verified=False)
    world.ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": used.id}
    )
    referrers = Referrers(world, Images(world), Channels(world, {}))
    now, seen = datetime.now(UTC), []
    for days in (15, 30, 45):
        at = now + timedelta(days=days)
        dry = plan(referrers.look(), Policy(verified=0), at)
        done = [one for one, _ in collect(referrers, Policy(verified=0), at)]
        assert done == dry
        seen += [one.action for one in done if one.image.id == old.id]
    assert seen == ["deprecate", "disable", "delete"]
    assert [image.id for image in Images(world).baked()] == [used.id]
    there = world.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert not {one["SnapshotId"] for one in there} & set(old.snapshots)


def test_each_image_that_stays_says_what_keeps_it(world: Account, bake: Bake) -> None:
    image = bake("1")
    template = world.ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": image.id}
    )["LaunchTemplate"]["LaunchTemplateId"]
    world.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="staging-web",
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=["us-east-1a"],
    )
    Channels(world, {}).move("dev", image.id, "baked")
    _, said = ask(world, "gc", "--dry-run", "--deprecate-days", "0")
    for told in (
        "running instance i-",
        "group staging-web (launch template version 1)",
        "launch template web version 1",
        "parameter /bakehouse/dev/web",
        "one of the last 3 verified of debian-13",
    ):
        assert told in said


def test_an_image_that_is_used_again_can_be_launched_again(world: Account, bake: Bake) -> None:
    image = bake("1")
    images = Images(world)
    images.mark(image, {DISABLED: "2026-11-01T00:00:00+00:00"})
    assert not images.image(image.id).usable
    Channels(world, {}).move("dev", image.id, "by hand")
    ask(world, "gc")
    assert images.image(image.id).usable
    assert images.image(image.id).tags[RUN] == "run-1"


def test_a_sweep_of_a_clean_account_says_so(world: Account, bake: Bake) -> None:
    bake("1")
    assert ask(world, "sweep", "--dry-run")[1] == "nothing is left"


def encrypt(**_: Any) -> None:
    """What AWS does with Encrypted=true, and moto does not."""
    for backend in ec2_backends["123456789012"].values():
        for snapshot in backend.snapshots.values():
            snapshot.encrypted = True


@pytest.fixture
def there(world: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The account in another region, with a bucket."""
    there = world.elsewhere("eu-west-1")
    monkeypatch.setattr("time.sleep", lambda _: None)
    there.s3.create_bucket(
        Bucket=store_of(there).bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    there.ec2.meta.events.register("after-call.ec2.CopyImage", encrypt)
    yield there
    there.ec2.meta.events.unregister("after-call.ec2.CopyImage", encrypt)


def test_what_a_channel_says_is_taken_to_a_region_and_the_channel_there_moved(
    world: Account, bake: Bake, there: Account
) -> None:
    image = bake("1")
    Channels(world, {}).move("production", image.id, "promoted")
    answer, said = ask(world, "copy", "production", "--region", "eu-west-1")
    assert Channels(there, {}).now() == {"production": answer["copy"]}
    assert "production of eu-west-1 is moved to it\n  next: AWS_REGION=eu-west-1 " in said
    (made,) = Images(there).baked()
    assert store_of(there).record(made).verification == WELL
    assert ask(there, "show", "production")[0]["copy_of"] == f"us-east-1/{image.id}"


def test_a_copy_of_an_image_by_its_id_moves_no_channel(
    world: Account, bake: Bake, there: Account
) -> None:
    ask(world, "copy", bake("1").id, "--region", "eu-west-1")
    assert Channels(there, {}).now() == {}


def test_a_channel_there_that_moved_on_from_the_copy_is_not_moved_back(
    world: Account, bake: Bake, there: Account
) -> None:
    Channels(world, {}).move("dev", bake("1").id, "baked")
    answer, _ = ask(world, "copy", "dev", "--region", "eu-west-1")
    Channels(there, {}).move("dev", "ami-better", "by hand")
    again, said = ask(world, "copy", "dev", "--region", "eu-west-1")
    assert (again["copy"], again["copied"]) == (answer["copy"], False)
    assert "was there already" in said
    assert Channels(there, {}).now() == {"dev": "ami-better"}


def test_a_dry_run_copies_nothing_and_refuses_what_the_real_one_would(
    world: Account, bake: Bake, there: Account
) -> None:
    good, bad = bake("1"), bake("2", verified=False)
    _, said = ask(world, "copy", good.id, "--region", "eu-west-1", "--dry-run")
    assert said == f"would copy {good.id} to eu-west-1"
    with pytest.raises(NotCopied, match="is unverified"):
        ask(world, "copy", bad.id, "--region", "eu-west-1", "--dry-run")
    assert Images(there).baked() == []


def test_garbage_knows_of_a_copy_for_as_long_as_there_is_one(
    world: Account, bake: Bake, there: Account
) -> None:
    image = bake("1")
    ask(world, "copy", image.id, "--region", "eu-west-1")
    (made,) = Images(there).baked()
    gone = ("gc", "--dry-run", "--deprecate-days", "0", "--keep-verified", "0")
    answer, _ = ask(world, *gone)
    assert (answer[0]["action"], answer[0]["reasons"]) == (
        "keep",
        [f"copied to eu-west-1/{made.id}"],
    )
    there.ec2.deregister_image(ImageId=made.id)
    assert ask(world, *gone)[0][0]["action"] == "deprecate"


def users(world: Account, image: Image) -> list[str]:
    found = world.ec2.describe_image_attribute(ImageId=image.id, Attribute="launchPermission")
    return [one["UserId"] for one in found["LaunchPermissions"]]


def test_an_image_is_shared_and_no_longer_and_kept_in_between(world: Account, bake: Bake) -> None:
    image, to = bake("1"), ("--account", "210987654321")
    ask(world, "share", image.id, *to, "--dry-run")
    assert users(world, image) == []
    ask(world, "share", image.id, *to)
    assert users(world, image) == ["210987654321"]
    assert "shared with 210987654321" in ask(world, "gc", "--dry-run")[1]
    ask(world, "share", image.id, *to, "--end")
    assert users(world, image) == []


def test_an_image_that_nobody_verified_is_not_shared(world: Account, bake: Bake) -> None:
    image = bake("1", verified=False)
    with pytest.raises(NotShared, match="is unverified"):
        ask(world, "share", image.id, "--account", "210987654321")
    assert users(world, image) == []


@pytest.mark.parametrize(("manager", "locked"), [("AWS", True), ("CUSTOMER", False)])
def test_a_disk_with_a_key_of_awss_own_is_not_shared(
    world: Account, bake: Bake, manager: str, locked: bool
) -> None:
    image = bake("1")
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    ec2_backends["123456789012"]["us-east-1"].snapshots[image.snapshots[0]].kms_key_id = key
    kms_backends["123456789012"]["us-east-1"].keys[key].key_manager = manager
    assert bool(Images(world).locked_by(image)) is locked
