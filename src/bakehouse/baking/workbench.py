"""What a bake needs before it begins: an identity, packer, and a folder to work in."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse.baking.ingredients import files_that_decide
from bakehouse.images import identity, packages
from bakehouse.images.image import RUN, Image, Wanted
from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bakehouse.baking.bake import Run

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
class Site:
    """Where and how the build host runs."""

    region: str
    endpoint: str  # empty is AWS's own
    instance_type: str
    subnet: str  # empty is the default VPC
    ssh_interface: str
    security_group: str
    polling_seconds: int


def wanted(
    root: Path,
    inventory: Path,
    distribution: str,
    base: Image,
    release: Release,
    tools: Mapping[str, str],
) -> Wanted:
    """What is asked for, with its identity and where it comes from.

    `tools` are the versions of what makes the image.

    Raises NoInventory.
    """
    if not (inventory / "group_vars").is_dir():
        raise NoInventory(
            f"{inventory} has no group_vars; an inventory is a folder of inventories/.",
            f"ls {root / 'inventories'}",
        )
    commit, dirty = provenance(root)
    facts = {"base": base.id, "distribution": distribution, "release": release.checksum}
    # Debian's archive as it is at the hour of the bake: no inventory names a snapshot of it.
    inputs = identity.inputs(
        files_that_decide(root, inventory), {**facts, **tools, "packages": "not pinned"}
    )
    return Wanted(
        distribution=distribution,
        base=base,
        release=release.name,
        content_hash=identity.identity_of(inputs),
        inputs=inputs,
        tools=tools,
        who=who(),
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


def tools_of(packer: Path) -> dict[str, str]:
    """The versions of what makes an image. Raises NoPacker when that program is not packer."""
    done = subprocess.run([packer, "version"], capture_output=True, text=True, check=False)
    said = re.search(r"Packer v(\d+\.\d+\S*)", done.stdout)
    if not said:
        raise NoPacker(f"{packer} is not packer: `packer version` says {done.stdout[:80]!r}.")
    return {"packer": said[1], "ansible-core": metadata.version("ansible-core")}


def version_of(tools: Mapping[str, str]) -> tuple[int, int]:
    """Major and minor version of packer.

    >>> version_of({"packer": "1.6.6"})
    (1, 6)
    """
    major, minor, *_ = tools["packer"].split(".")
    return int(major), int(minor)


def who() -> str:
    """The user and the machine, as a colleague would recognise them."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


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
    site: Site,
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
    for path in template_files(root / "packer", version_of(want.tools)):
        shutil.copy(path, template)
    vars_folder = run.folder / "inventory"
    vars_folder.mkdir()
    (vars_folder / "group_vars").symlink_to((inventory / "group_vars").resolve())
    ansible = run.folder / "ansible.json"
    ansible.write_text(json.dumps(_ansible_variables(run, release), indent=2))
    variables = run.folder / "variables.json"
    written = {
        "region": site.region,
        "endpoint": site.endpoint,
        "source_ami": want.base.id,
        "image_name": run.image_name,
        "instance_type": site.instance_type,
        "subnet_id": site.subnet,
        "ssh_interface": site.ssh_interface,
        "security_group": site.security_group,
        "key_pair_name": run.key_pair,
        "polling_seconds": site.polling_seconds,
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


def packages_file(run: Run) -> Path:
    """Where the playbook notes the packages of the image."""
    return run.folder / "packages.tsv"


def environment(run: Run) -> dict[str, str]:
    """What packer and the playbook find in their environment: this one's, and the canary."""
    return {**os.environ, "BAKEHOUSE_CANARY": run.canary}


def _ansible_variables(run: Run, release: Release) -> Mapping[str, str]:
    return {
        "bake_packages_query": packages.QUERY,
        "bake_packages_file": str(packages_file(run)),
        "bake_canary": run.canary,
        "laravel_app_release": release.name,
        "laravel_app_release_archive": str(release.archive),
        "laravel_app_release_checksum": release.checksum,
        # The build host lives for minutes and its address is soon somebody else's.
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
    }
