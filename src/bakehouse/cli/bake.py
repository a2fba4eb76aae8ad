"""`scripts/bake`: make the image that web hosts boot from, or find it made already."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.aws import Account
from bakehouse.baking import workbench
from bakehouse.baking.kitchen import Hands, Place, kitchen
from bakehouse.baking.oven import Order, serve
from bakehouse.baking.reasons import explain
from bakehouse.baking.workbench import Release
from bakehouse.cli.ending import told
from bakehouse.images.account import Images
from bakehouse.images.channels import CHANNELS
from bakehouse.images.image import BASE, DISTRIBUTIONS, HASH, RELEASE, VERIFIED, Reuse, decide
from bakehouse.images.store import store_of
from bakehouse.progress import Progress, seconds
from bakehouse.release import pack
from bakehouse.roles.variables import refuse_unknown
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.baking.oven import Outcome
    from bakehouse.images.image import Wanted

ROOT = Path(__file__).resolve().parents[3]

EPILOG = """\
AWS is where AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL say. Progress goes to standard error, the
answer to standard output; all that packer said is in build/bake/<run>/packer.log. Records are kept
in the bucket BAKEHOUSE_BUCKET (default: bakehouse-<account>-<region>). An image is verified by two
fresh hosts of it before the channel (SSM parameter /bakehouse/<channel>/web) is moved to it.

exit status:
  0    there is an image: baked now, or found unchanged
  1    there is none, or it did not pass; what the bake made on the way was taken away
  2    the command was not understood
  130  interrupted; what the bake made on the way was taken away

examples:
  scripts/bake --explain        say what would be baked, and which inputs changed
  scripts/bake --distribution debian-12 --force
  scripts/bake --no-verify      an image that no channel takes, sooner
"""


def parser() -> argparse.ArgumentParser:
    """The command's grammar; `--help` is its documentation."""
    grammar = argparse.ArgumentParser(
        prog="scripts/bake",
        description="Bake the image of a web host: Debian, the roles, one release of the app.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = grammar.add_argument
    add("--dry-run", "--explain", action="store_true", help="say what would be done, and stop")
    add("--force", action="store_true", help="bake even if an unchanged image is there")
    add("--json", action="store_true", help="answer in JSON")
    add("--no-verify", action="store_true", help="boot no host of it; it stays unverified")
    describe_bake(grammar)
    return grammar


def describe_bake(grammar: argparse.ArgumentParser) -> None:
    """What there is to say about a bake, whoever orders it."""
    add = grammar.add_argument
    add("--distribution", choices=DISTRIBUTIONS, default=DISTRIBUTIONS[0])
    add(
        "--base", metavar="AMI", help="bake from this image (also one of ours), not Debian's newest"
    )
    add("--release", type=Path, metavar="ARCHIVE", help="default: packs sample_app/")
    add("--inventory", type=Path, default=Path("inventories/lab"), help="whose group_vars apply")
    add("--instance-type", default="t3.small", help="of the build host")
    add("--subnet", default="", help="of the build host; default: of the default VPC")
    add("--ssh-interface", choices=("private_ip", "public_ip"), default="private_ip")
    add(
        "--ssh-from",
        action="append",
        metavar="CIDR",
        help="who may reach the build host and the fresh hosts; default: their own VPC "
        "(needed with public_ip)",
    )
    add("--minutes", type=float, default=30, help="give up building after so long (30)")
    add(
        "--like",
        metavar="GROUP",
        help="boot fresh hosts as this group would; "
        "default: <bakehouse_environment>-web of the inventory",
    )
    add("--page", action="append", metavar="PATH", help="ask a fresh host for it (/health, /)")
    add("--patience", type=float, default=300, help="seconds to wait for a fresh host (300)")
    add("--quarantine", action="store_true", help="keep an image that does not pass, marked so")
    add("--channel", choices=CHANNELS, default=CHANNELS[0], help="moved to the image, last (dev)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return told(lambda: _bake(asked))


def _bake(asked: argparse.Namespace) -> int:
    refuse_unknown(asked.inventory.resolve(), ROOT / "roles")
    with Progress() as progress:
        account = Account()
        want, release = wanted(asked, account, progress)
        if asked.dry_run:
            print(_explained(asked, account, want))
            return 0
        outcome = order(asked, account, want, release, progress)
        _answer(asked, outcome, want, progress)
    return 0


def wanted(
    asked: argparse.Namespace, account: Account, progress: Progress
) -> tuple[Wanted, Release]:
    """What is asked for, with its identity; nothing is made yet."""
    tools = workbench.tools_of(workbench.find_packer())
    progress.now("Packing the release")
    release = _release(asked.release)
    progress.now("Looking for the base image, and for images baked before")
    base = Images(account).base(asked.distribution, asked.base)
    inventory = asked.inventory.resolve()
    want = workbench.wanted(ROOT, inventory, asked.distribution, base, release, tools)
    return want, release


def order(
    asked: argparse.Namespace,
    account: Account,
    want: Wanted,
    release: Release,
    progress: Progress,
    *,
    because: str = "",
) -> Outcome:
    """Have it served: found, or baked. `because` is a reason to bake it even if it is unchanged."""
    images, force = Images(account), asked.force or bool(because)
    step = decide(want, images.baked(), force=force)
    if isinstance(step, Reuse):
        progress.say(f"unchanged since {step.image.created}: {step.image.id}")
    else:
        progress.say(f"baking: {because or step.why}")
    hands = Hands(
        inventory=asked.inventory.resolve(),
        release=release,
        place=_place(asked),
        like=asked.like or "",
        pages=tuple(asked.page or ("/health", "/")),
        patience=asked.patience,
        minutes=asked.minutes,
    )
    return serve(
        kitchen(ROOT, account, hands, progress, verify=not asked.no_verify),
        want,
        Order(
            force=force,
            verify=not asked.no_verify,
            quarantine=asked.quarantine,
            channel=asked.channel,
        ),
    )


def _release(archive: Path | None) -> Release:
    if archive is None:
        packed = pack(ROOT / "sample_app", ROOT / "build/releases")
        return Release(packed.release, packed.archive, packed.checksum)
    if not archive.is_file():
        raise Trouble(f"There is no release {archive}.", "scripts/package FOLDER")
    name = archive.name.removesuffix(".tgz").removesuffix(".tar.gz")
    return Release(name, archive.resolve(), hashlib.sha256(archive.read_bytes()).hexdigest())


def _place(asked: argparse.Namespace) -> Place:
    if asked.ssh_interface == "public_ip" and not asked.ssh_from:
        raise Trouble(
            "Over a public address the build host must know who may reach it.",
            "scripts/bake --ssh-interface public_ip --ssh-from $(curl -s checkip.amazonaws.com)/32",
        )
    return Place(
        asked.instance_type, asked.subnet, asked.ssh_interface, tuple(asked.ssh_from or ())
    )


def _explained(asked: argparse.Namespace, account: Account, want: Wanted) -> str:
    images = Images(account)
    baked = images.baked()
    step = decide(want, baked, force=asked.force)
    if isinstance(step, Reuse):
        lines = [f"would bake nothing: {step.image.id} of {step.image.created} is unchanged"]
        if step.image.progress != VERIFIED and not asked.no_verify:
            lines.append("  would verify it: nobody has")
        return "\n".join(lines)
    lines = [
        f"would bake  bakehouse-web-{want.distribution}-...: {step.why}",
        f"  from      {want.base.id}  {want.base.name}",
        *_described(want),
        f"  on        a {asked.instance_type} in {images.region}",
        *explain(want, baked, store_of(account)),
    ]
    return "\n".join(lines)


def _described(want: Wanted) -> list[str]:
    return [
        f"  release   {want.release}",
        f"  identity  {want.content_hash}",
        f"  commit    {want.commit[:12]}{' and changes to it' if want.dirty else ''}",
    ]


def _answer(asked: argparse.Namespace, outcome: Outcome, want: Wanted, progress: Progress) -> None:
    image = outcome.image
    if asked.json:
        answer = {"image": image.id, "name": image.name, "tags": dict(image.tags)}
        answer |= {"state": image.progress, "published": outcome.channel}
        print(json.dumps(answer | {"seconds": round(progress.elapsed, 1)}))
        return
    lines = [
        f"{image.id}  {image.name}",
        f"  from      {image.tags.get(BASE, '')}  {want.base.name}",
        f"  release   {image.tags.get(RELEASE, '')}",
        f"  identity  {image.tags.get(HASH, '')}",
        f"  commit    {want.commit[:12]}{' and changes to it' if want.dirty else ''}",
        f"  {_standing(outcome)}",
        f"  {outcome.how} {seconds(progress.elapsed)}",
        "  next: scripts/launch GROUP",
    ]
    print("\n".join(lines))


def _standing(outcome: Outcome) -> str:
    if outcome.image.progress != VERIFIED:
        return "UNVERIFIED: no host of it was ever booted, and no channel takes it"
    moved = f"; {outcome.channel} is moved to it" if outcome.channel else ""
    return f"verified{moved}"
