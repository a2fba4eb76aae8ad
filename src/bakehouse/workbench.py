"""What a bake needs before it begins: an identity, packer, and a folder to work in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse import identity
from bakehouse.image import RUN, Image, Wanted
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bakehouse.bake import Run

# Packers from here on have no plugins of their own and know what packer/modern says.
MODERN = (1, 10)

# What a run's folder takes, with room to spare; the image itself is elsewhere.
NEEDED_BYTES = 50 * 1024**2


class NoPacker(Trouble):
    """There is no packer, or it is none that we know; nothing was made."""


class NoRoomHere(Trouble):
    """The disk of this machine is full; nothing was made."""


class NoInventory(Trouble):
    """The inventory's group_vars are not there; nothing was made."""


@dataclass(frozen=True, slots=True)
class Release:
    """The application that goes into the image."""

    name: str
    archive: Path
    checksum: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how the build host runs."""

    region: str
    endpoint: str  # empty is AWS's own
    instance_type: str
    subnet: str  # empty is the default VPC
    ssh_interface: str
    ssh_sources: tuple[str, ...]
    polling_seconds: int


def files_that_decide(root: Path, inventory: Path) -> dict[str, bytes]:
    """Every file that can change an image, by its path from `root`; group_vars by theirs."""
    found: dict[str, bytes] = {}
    for folder in identity.FOLDERS:
        found.update(_read(root / folder, folder))
    for name in identity.FILES:
        if (root / name).is_file():
            found[name] = (root / name).read_bytes()
    return found | dict(_read(inventory / "group_vars", "group_vars"))


def _read(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{name}/{path.relative_to(folder)}", path.read_bytes()


def wanted(root: Path, inventory: Path, distribution: str, base: Image, release: Release) -> Wanted:
    """What is asked for, with its identity and where it comes from.

    Raises NoInventory.
    """
    if not (inventory / "group_vars").is_dir():
        raise NoInventory(
            f"{inventory} has no group_vars; an inventory is a folder of inventories/.",
            f"ls {root / 'inventories'}",
        )
    commit, dirty = provenance(root)
    facts = {"base": base.id, "distribution": distribution, "release": release.checksum}
    return Wanted(
        distribution=distribution,
        base=base,
        release=release.name,
        content_hash=identity.content_hash(files_that_decide(root, inventory), facts),
        commit=commit,
        dirty=dirty,
    )


def provenance(root: Path) -> tuple[str, bool]:
    """The commit of the working tree, and whether files differ from it; "unknown" without git."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", root, *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    return commit or "unknown", bool(git("status", "--porcelain")) or not commit


def find_packer() -> Path:
    """The packer that the shell would run. Raises NoPacker."""
    found = shutil.which("packer")
    if not found:
        raise NoPacker("There is no packer on this machine.", "sudo apt-get install packer")
    return Path(found)


def version_of(packer: Path) -> tuple[int, int]:
    """Major and minor version. Raises NoPacker when that program is not packer."""
    done = subprocess.run([packer, "version"], capture_output=True, text=True, check=False)
    said = re.search(r"Packer v(\d+)\.(\d+)", done.stdout)
    if not said:
        raise NoPacker(f"{packer} is not packer: `packer version` says {done.stdout[:80]!r}.")
    return int(said[1]), int(said[2])


def template_files(packer: Path, version: tuple[int, int]) -> list[Path]:
    """The files that a packer of that version is given, of the folder `packer`."""
    common = sorted(packer.glob("*.pkr.hcl"))
    if version < MODERN:
        return common
    modern = sorted((packer / "modern").glob("*.pkr.hcl"))
    replaced = {path.name for path in modern}
    return [*(path for path in common if path.name not in replaced), *modern]


def prepare(
    run: Run,
    root: Path,
    inventory: Path,
    want: Wanted,
    release: Release,
    place: Place,
    version: tuple[int, int],
    playbook_command: Path,
) -> tuple[Path, Path]:
    """Write the run's folder; returns the template's folder and the file of variables.

    Raises NoRoomHere.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(run.folder).free < NEEDED_BYTES:
        raise NoRoomHere(f"The disk of {run.folder} is full.", f"df -h {run.folder}")
    template = run.folder / "packer"
    template.mkdir()
    for path in template_files(root / "packer", version):
        shutil.copy(path, template)
    vars_folder = run.folder / "inventory"
    vars_folder.mkdir()
    (vars_folder / "group_vars").symlink_to((inventory / "group_vars").resolve())
    ansible = run.folder / "ansible.json"
    ansible.write_text(json.dumps(_ansible_variables(release), indent=2))
    variables = run.folder / "variables.json"
    written = {
        "region": place.region,
        "endpoint": place.endpoint,
        "source_ami": want.base.id,
        "image_name": run.image_name,
        "instance_type": place.instance_type,
        "subnet_id": place.subnet,
        "ssh_interface": place.ssh_interface,
        "ssh_sources": place.ssh_sources,
        "key_pair_name": run.key_pair,
        "polling_seconds": place.polling_seconds,
        "tags": want.tags(run.image_name, run.id),
        "run_tags": {"Name": f"bakehouse-{run.id}", RUN: run.id},
        "ansible_playbook": str(playbook_command),
        "playbook": str(root / "ansible/playbooks/bake.yml"),
        "inventory_directory": str(vars_folder),
        "ansible_variables": str(ansible),
        "manifest": str(run.folder / "manifest.json"),
    }
    variables.write_text(json.dumps(written, indent=2))
    return template, variables


def _ansible_variables(release: Release) -> Mapping[str, str]:
    return {
        "laravel_app_release": release.name,
        "laravel_app_release_archive": str(release.archive),
        "laravel_app_release_checksum": release.checksum,
        # The build host lives for minutes and its address is soon somebody else's.
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    }
