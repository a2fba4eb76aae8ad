"""A bake that is stopped at any of its API calls leaves the account as it was, or can be swept.

The account is moto's, the adapters are the real ones, and each call in turn is the last: the
process is told to stop (Ctrl-C, a timer: it may still clean up), or is killed (every later call
fails, until another process sweeps). packer is played by the calls that it makes. Calls that only
look are not counted: to be stopped at one is to be stopped after the last that changed something.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bakehouse.aws import Account
from bakehouse.baking.bake import NotVerified, Run
from bakehouse.baking.fresh import Fresh, Like
from bakehouse.baking.oven import Kitchen, Order, Outcome, serve, sweep_the_dead
from bakehouse.images.account import Images
from bakehouse.images.image import RUN, UNVERIFIED, VERIFIED, Image, Wanted
from bakehouse.images.lock import Lock
from bakehouse.images.parameters import Channels
from bakehouse.images.record import Verification
from bakehouse.images.store import NoBucket, Store
from bakehouse.progress import Progress

PUBLIC_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ6lbisK8sBHDNF8xxXZkZUpGn8MK89Zv9QnAH1dD1O of-no-one"
)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PACKAGES = "ii \tnginx\tamd64\t1.26\tnginx\t1.26\n"
WELL = Verification("2026-11-27", "staging-web", 90, 2, ("/ 200",), ("ids",), 21.5)
BASE = Image("ami-0123456789abcdef0", "debian-13-amd64-20261101", "2026-11-01")


class Killed(BaseException):
    """SIGKILL: nothing of the process runs on."""


@dataclass
class Fuse:
    """Stops the process after a number of API calls; a killed one stays dead."""

    calls: int | None = None
    end: type[BaseException] = KeyboardInterrupt
    seen: list[str] = field(default_factory=list)
    blown: bool = False

    def __call__(self, model: Any, **_: Any) -> None:
        if self.blown and self.end is Killed:
            raise Killed
        if model.name.startswith(("Describe", "Get", "List", "Head")):
            return
        self.seen.append(model.name)
        if not self.blown and self.calls is not None and len(self.seen) > self.calls:
            self.blown = True
            raise self.end


@pytest.fixture
def world(account: Account) -> Account:
    """An account with a bucket and a channel that says an older image."""
    account.s3.create_bucket(Bucket="records")
    Channels(account, {}).move("dev", "ami-older", "baked")
    return account


def things(account: Account) -> dict[str, set[str]]:
    """All that a bake makes on the way, by kind, and what the channel says."""
    ec2 = account.ec2
    pages = ec2.describe_instances()["Reservations"]
    return {
        "instances": {
            one["InstanceId"]
            for page in pages
            for one in page["Instances"]
            if one["State"]["Name"] != "terminated"
        },
        "key pairs": {one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]},
        "groups": {one["GroupId"] for one in ec2.describe_security_groups()["SecurityGroups"]},
        "images": {one["ImageId"] for one in ec2.describe_images(Owners=["self"])["Images"]},
        "snapshots": {
            one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
        },
        "channel": set(Channels(account, {}).now().values()),
    }


def wanted() -> Wanted:
    inputs = {"roles/a": "6b86", "fact base": BASE.id}
    return Wanted(
        "debian-13", BASE, "app-1", "0123456789abcdef", "c0ffee", False, inputs, {}, "ann"
    )


def tags(kind: str, **more: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in more.items()]}]


def packer(account: Account, run: Run, want: Wanted) -> tuple[str, str]:
    """The calls of packer 1.6.6 that make something, in its order; it cleans up on an interrupt."""
    ec2, made = account.ec2, []
    images = Images(account)
    network, cidr = images.network("")
    group = images.open_group(run.id, "build", network, (cidr,))
    try:
        ec2.create_key_pair(KeyName=run.key_pair)
        made = ec2.run_instances(
            ImageId="ami-12345678",
            MinCount=1,
            MaxCount=1,
            SecurityGroupIds=[group],
            TagSpecifications=tags("instance", **{RUN: run.id}),
        )["Instances"]
        ec2.stop_instances(InstanceIds=[made[0]["InstanceId"]])
        image = ec2.create_image(InstanceId=made[0]["InstanceId"], Name=run.image_name)["ImageId"]
        listed = [{"Key": k, "Value": v} for k, v in want.tags(run.image_name, run.id).items()]
        ec2.create_tags(Resources=[image], Tags=listed)
        ec2.create_tags(Resources=list(images.image(image).snapshots), Tags=listed)
    finally:
        if made:
            ec2.terminate_instances(InstanceIds=[made[0]["InstanceId"]])
        ec2.delete_key_pair(KeyName=run.key_pair)
    return str(image), PACKAGES


def examine(account: Account, run: Run, image: Image) -> Verification:
    """The calls of a verification; the hosts answer well."""
    images, fresh = Images(account), Fresh(account)
    network, cidr = images.network("")
    subnet = account.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = images.open_group(run.id, "verify", network, (cidr,))
    key = f"bakehouse-{run.id}-verify"
    fresh.import_key(key, PUBLIC_KEY)
    like = Like("staging-web", subnet, network, cidr, (), {"InstanceType": "t3.small"})
    fresh.see(fresh.launch(image.id, 2, run.id, like, group, key), "private_ip")
    return WELL


class Unencrypted(Images):
    """moto's images are not encrypted, and it does not know ImdsSupport."""

    def harden(self, id: str) -> str:
        return ""


def kitchen(account: Account, folder: Path, now: datetime = NOW) -> Kitchen:
    return Kitchen(
        root=folder,
        images=Unencrypted(account),
        store=Store(account, "records"),
        channels=Channels(account, {}),
        progress=Progress(Console(file=io.StringIO())),
        build=lambda run, want: packer(account, run, want),
        verify=lambda run, image: examine(account, run, image),
        now=lambda: now,
        pause=lambda seconds: None,
    )


def attempt(world: Account, folder: Path, fuse: Fuse, now: datetime = NOW) -> Outcome | None:
    """Bake as a process of its own would, with the fuse on its calls; None when it was stopped."""
    events = [client.meta.events for client in (world.ec2, world.s3, world.ssm)]
    for each in events:
        each.register("before-call", fuse)
    try:
        return serve(kitchen(world, folder, now), wanted(), Order())
    except (KeyboardInterrupt, Killed):
        return None
    finally:
        for each in events:
            each.unregister("before-call", fuse)


CALLS = 24  # of a whole bake, that change something


def test_a_whole_bake_verifies_records_and_publishes_last(world: Account, tmp_path: Path) -> None:
    fuse = Fuse()
    before = things(world)
    outcome = attempt(world, tmp_path, fuse)
    assert outcome and outcome.image.progress == VERIFIED
    after = things(world)
    assert after.pop("channel") == {outcome.image.id}
    assert after["images"] == before["images"] | {outcome.image.id}
    for kind in ("instances", "key pairs", "groups"):
        assert after[kind] == before[kind], kind
    moved = fuse.seen.index("PutParameter")
    assert not {"CreateTags", "RunInstances", "CreateImage"} & set(fuse.seen[moved:])
    assert len(fuse.seen) == CALLS


def unharmed(world: Account, before: dict[str, set[str]]) -> bool:
    """As it was, or with one finished image more; a channel that moved says that one."""
    after = things(world)
    images = after["images"] - before["images"]
    if images:
        (made,) = images
        image = Images(world).image(made)
        after["images"] -= {made}
        after["snapshots"] -= set(image.snapshots)
        if after["channel"] == {made}:
            after["channel"] = before["channel"]
        assert image.progress == VERIFIED
    return after == before


@pytest.mark.parametrize("calls", range(CALLS))
def test_an_interrupt_at_any_call_leaves_the_account_as_it_was(
    world: Account, tmp_path: Path, calls: int
) -> None:
    before = things(world)
    attempt(world, tmp_path, Fuse(calls))
    assert unharmed(world, before)


@pytest.mark.parametrize("calls", range(CALLS))
def test_after_a_kill_at_any_call_a_sweep_finds_all_that_is_left(
    world: Account, tmp_path: Path, calls: int
) -> None:
    before = things(world)
    attempt(world, tmp_path, Fuse(calls, Killed))
    for key in Store(world, "records").keys("locks/"):
        Store(world, "records").delete(key)  # the lease ran out
    assert sweep_the_dead(kitchen(world, tmp_path))
    assert unharmed(world, before)


def test_a_copy_that_somebody_made_of_an_image_is_nobodys_half_image(
    world: Account, tmp_path: Path
) -> None:
    """`aws ec2 copy-image` leaves the tags behind, and the name is often kept."""
    outcome = attempt(world, tmp_path, Fuse())
    assert outcome
    name, id = outcome.image.name, outcome.image.id
    copy = world.ec2.copy_image(SourceImageId=id, Name=name, SourceRegion="us-east-1")["ImageId"]
    assert not world.ec2.describe_images(ImageIds=[copy])["Images"][0].get("Tags")
    before = things(world)
    sweep_the_dead(kitchen(world, tmp_path))
    assert things(world) == before


@pytest.mark.parametrize("calls", [3, 6, 10, 14])
def test_the_next_bake_sweeps_what_a_killed_one_left_and_makes_the_image(
    world: Account, tmp_path: Path, calls: int
) -> None:
    before = things(world)
    attempt(world, tmp_path, Fuse(calls, Killed))
    for key in Store(world, "records").keys("locks/"):
        Store(world, "records").delete(key)
    outcome = attempt(world, tmp_path, Fuse(), NOW + timedelta(minutes=5))
    assert outcome and outcome.channel == "dev"
    assert unharmed(world, before)


def test_of_two_bakes_of_one_image_the_second_waits_and_takes_it(
    world: Account, tmp_path: Path
) -> None:
    built: list[str] = []
    first = Lock(
        Store(world, "records"), f"locks/{wanted().content_hash}.json", "run-1", "ann", "bake"
    )
    assert first.take() is None

    def the_other_ends(seconds: float) -> None:
        first.release()
        attempt(world, tmp_path, Fuse())

    def build(run: Run, want: Wanted) -> tuple[str, str]:
        built.append(run.id)
        return packer(world, run, want)

    second = replace(
        kitchen(world, tmp_path, NOW + timedelta(minutes=1)), pause=the_other_ends, build=build
    )
    outcome = serve(second, wanted(), Order())
    assert (built, outcome.how) == ([], "taken from another bake after")
    assert outcome.image.progress == VERIFIED


def test_an_image_that_fails_on_its_fresh_boot_only_is_gone_and_the_channel_says_what_it_said(
    world: Account, tmp_path: Path
) -> None:
    before = things(world)

    def fail(run: Run, image: Image) -> Verification:
        examine(world, run, image)
        raise NotVerified(f"A fresh host of {image.id} answers /health with 503.", "less log")

    bad = replace(kitchen(world, tmp_path), verify=fail)
    with pytest.raises(NotVerified, match=r"answers /health with 503\.\n  next: less log"):
        serve(bad, wanted(), Order())
    assert things(world) == before


def test_an_image_that_the_channel_has_left_is_not_published_again(
    world: Account, tmp_path: Path
) -> None:
    made = attempt(world, tmp_path, Fuse())
    Channels(world, {}).move("dev", "ami-older", "rolled back from it: 500s")
    again = attempt(world, tmp_path, Fuse())
    assert made and again
    assert (again.image.id, again.channel) == (made.image.id, "")
    assert Channels(world, {}).now()["dev"] == "ami-older"


def test_an_image_that_was_made_without_is_verified_later_and_not_made_again(
    world: Account, tmp_path: Path
) -> None:
    made = serve(kitchen(world, tmp_path), wanted(), Order(verify=False))
    assert (made.image.progress, made.channel) == (UNVERIFIED, "")
    later = serve(kitchen(world, tmp_path, NOW + timedelta(minutes=1)), wanted(), Order())
    assert (later.image.id, later.image.progress, later.channel) == (made.image.id, VERIFIED, "dev")
    record = Store(world, "records").record(later.image)
    assert record.verification == WELL
    assert [one.name for one in record.packages] == ["nginx"]


def test_without_a_bucket_nothing_is_made_and_one_is_told_how_to_make_it(
    account: Account, tmp_path: Path
) -> None:
    before = things(account)
    with pytest.raises(NoBucket, match=r"no bucket records.*\n  next: aws s3 mb s3://records"):
        serve(kitchen(account, tmp_path), wanted(), Order())
    assert things(account) == before
