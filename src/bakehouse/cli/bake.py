"""`scripts/bake`: make the image that web hosts boot from, or find it made already."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse import workbench
from bakehouse.aws import Account
from bakehouse.bake import Listener, Run, bake, new_run
from bakehouse.cli.ending import told
from bakehouse.image import BASE, DISTRIBUTIONS, HASH, RELEASE, Reuse, Wanted, decide
from bakehouse.images import Images
from bakehouse.packer import Packer
from bakehouse.progress import Progress, seconds
from bakehouse.release import pack
from bakehouse.trouble import Trouble
from bakehouse.variables import refuse_unknown
from bakehouse.workbench import Place, Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse.image import Image

ROOT = Path(__file__).resolve().parents[3]

EPILOG = """\
AWS is where AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL say. Progress goes to standard error, the
answer to standard output; all that packer said is in build/bake/<run>/packer.log.

exit status:
  0    there is an image: baked now, or found unchanged
  1    there is none; what the bake made on the way was taken away
  2    the command was not understood
  130  interrupted; what the bake made on the way was taken away

examples:
  scripts/bake --dry-run        say what would be baked, and why
  scripts/bake --distribution debian-12 --force
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
    add("--distribution", choices=DISTRIBUTIONS, default=DISTRIBUTIONS[0])
    add("--base", metavar="AMI", help="bake from this image, not Debian's newest")
    add("--release", type=Path, metavar="ARCHIVE", help="default: packs sample_app/")
    add("--inventory", type=Path, default=Path("inventories/lab"), help="whose group_vars apply")
    add("--instance-type", default="t3.small", help="of the build host")
    add("--subnet", default="", help="of the build host; default: of the default VPC")
    add("--ssh-interface", choices=("private_ip", "public_ip"), default="private_ip")
    add(
        "--ssh-from",
        action="append",
        metavar="CIDR",
        help="who may reach the build host; default: its VPC (needed with public_ip)",
    )
    add("--minutes", type=float, default=30, help="give up after so long (30)")
    return grammar


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    asked = parser().parse_args(argv)
    return told(lambda: _bake(asked))


def _bake(asked: argparse.Namespace) -> int:
    refuse_unknown(asked.inventory.resolve(), ROOT / "roles")
    packer = workbench.find_packer()
    version = workbench.version_of(packer)
    with Progress() as progress:
        progress.now("Packing the release")
        release = _release(asked.release)
        images = Images(Account())
        progress.now("Looking for the base image, and for images baked before")
        base = images.base(asked.distribution, asked.base)
        inventory = asked.inventory.resolve()
        want = workbench.wanted(ROOT, inventory, asked.distribution, base, release)
        step = decide(want, images.baked(), force=asked.force)
        if isinstance(step, Reuse):
            progress.say(f"unchanged since {step.image.created}: {step.image.id}")
            return _answer(asked, step.image, want, progress, "found unchanged in")
        progress.say(f"{'would bake' if asked.dry_run else 'baking'}: {step.why}")
        place = _place(asked, images)
        run = new_run(ROOT, want, datetime.now(UTC))
        if asked.dry_run:
            print(_explain(want, run, place))
            return 0
        command = Path(sys.executable).with_name("ansible-playbook")
        template, variables = workbench.prepare(
            run, ROOT, inventory, want, release, place, version, command
        )
        driver = Packer(packer, Listener(run, progress), timeout=asked.minutes * 60)
        try:
            id = bake(run, images, lambda: driver.bake(template, variables), progress)
        except Trouble as trouble:
            raise type(trouble)(str(trouble), f"less {run.folder / 'packer.log'}") from trouble
        return _answer(asked, images.image(id), want, progress, "baked in")


def _release(archive: Path | None) -> Release:
    if archive is None:
        packed = pack(ROOT / "sample_app", ROOT / "build/releases")
        return Release(packed.release, packed.archive, packed.checksum)
    if not archive.is_file():
        raise Trouble(f"There is no release {archive}.", "scripts/package FOLDER")
    name = archive.name.removesuffix(".tgz").removesuffix(".tar.gz")
    return Release(name, archive.resolve(), hashlib.sha256(archive.read_bytes()).hexdigest())


def _place(asked: argparse.Namespace, images: Images) -> Place:
    if asked.ssh_interface == "public_ip" and not asked.ssh_from:
        raise Trouble(
            "Over a public address the build host must know who may reach it.",
            "scripts/bake --ssh-interface public_ip --ssh-from $(curl -s checkip.amazonaws.com)/32",
        )
    return Place(
        region=images.region,
        endpoint=images.endpoint,
        instance_type=asked.instance_type,
        subnet=asked.subnet,
        ssh_interface=asked.ssh_interface,
        ssh_sources=tuple(asked.ssh_from or [images.network(asked.subnet)]),
        polling_seconds=1 if images.endpoint else 5,
    )


def _explain(want: Wanted, run: Run, place: Place) -> str:
    return "\n".join(
        [
            f"would bake  {run.image_name}",
            f"  from      {want.base.id}  {want.base.name}",
            f"  release   {want.release}",
            f"  identity  {want.content_hash}",
            f"  commit    {want.commit[:12]}{' and changes to it' if want.dirty else ''}",
            f"  on        a {place.instance_type} in {place.region}, "
            f"SSH over its {place.ssh_interface} from {', '.join(place.ssh_sources)}",
        ]
    )


def _answer(
    asked: argparse.Namespace, image: Image, want: Wanted, progress: Progress, how: str
) -> int:
    if asked.json:
        answer = {"image": image.id, "name": image.name, "tags": dict(image.tags)}
        print(json.dumps(answer | {"seconds": round(progress.elapsed, 1)}))
        return 0
    lines = [
        f"{image.id}  {image.name}",
        f"  from      {image.tags.get(BASE, '')}  {want.base.name}",
        f"  release   {image.tags.get(RELEASE, '')}",
        f"  identity  {image.tags.get(HASH, '')}",
        f"  commit    {want.commit[:12]}{' and changes to it' if want.dirty else ''}",
        f"  {how} {seconds(progress.elapsed)}",
        "  next: scripts/launch GROUP",
    ]
    print("\n".join(lines))
    return 0
