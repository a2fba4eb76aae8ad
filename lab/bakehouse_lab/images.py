"""The images that the lab starts from, made on this machine from Debian's own packages.

No registry is asked for anything: mmdebstrap unpacks a Debian, a recipe in `lab/images/` finishes
it, podman takes the result in. An image carries the fingerprint of all that went into it, so a
second build of the same recipe is a look at a label.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.settings import BASE_IMAGES, SERVICES_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bakehouse_lab.podman import Podman
    from bakehouse_lab.settings import Settings

RECIPES = Path(__file__).parents[1] / "images"
FINGERPRINT = "bakehouse.recipe"

CODENAMES = {"debian-13": "trixie", "debian-12": "bookworm"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Manuals and translations: a third of the size, and nobody reads them on a host.
UNREAD = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)

# What the image runs unless told otherwise.
COMMAND = 'CMD ["/sbin/init"]'

# What of the machine's apt configuration an image needs to reach the same mirrors.
REACHES_MIRRORS = re.compile(r"^Acquire::(\w+::Proxy|Check-Valid-Until|Check-Date)\b", re.I)


class ImageNotBuilt(RuntimeError):
    """An image could not be made; the one that was there before, if any, is still there."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: its name, the folder that describes it, and the Debian it is made of."""

    image: str
    folder: Path
    codename: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The names in the folder's `packages`, without the reasons."""
        lines = (self.folder / "packages").read_text().splitlines()
        return tuple(line.strip() for line in lines if line.strip() and line[0] != "#")


@dataclass(frozen=True, slots=True)
class Apt:
    """Where this machine gets its packages, said for another release of Debian.

    `sources` is empty where the machine is not a Debian: mmdebstrap then knows Debian's own mirror.
    """

    sources: str
    options: str


def recipes() -> list[Recipe]:
    """All images, in the order in which they are wanted."""
    bases = [
        Recipe(image, RECIPES / "base", CODENAMES[name]) for name, image in BASE_IMAGES.items()
    ]
    newest = next(iter(CODENAMES.values()))
    return [bases[0], Recipe(SERVICES_IMAGE, RECIPES / "services", newest), *bases[1:]]


def sources_for(codename: str, targets: Iterable[str], own_codename: str) -> str:
    """The machine's Debian mirrors as a deb822 file for another release; empty if it has none.

    `targets` are lines `URI|suite|component` as `apt-get indextargets` prints them. Only Debian's
    main, updates and security are taken over: what else a machine has is its own affair.

    >>> print(sources_for("trixie", ["http://m/debian/|bookworm|main"], "bookworm").strip())
    Types: deb
    URIs: http://m/debian/
    Suites: trixie
    Components: main
    Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
    """
    suites: dict[str, list[str]] = {}
    for target in targets:
        uri, suite, component = target.split("|")
        kind = suite.removeprefix(own_codename)
        if kind in ("", "-updates", "-security") and component == "main":
            suites.setdefault(uri, []).append(codename + kind)
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {' '.join(names)}\nComponents: main\n"
        f"Signed-By: {KEYRING}\n"
        for uri, names in suites.items()
    )


def apt_for(codename: str) -> Apt:
    """Read this machine's apt configuration, and word it for `codename`."""
    targets = _said(
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
        "Identifier: Packages",
    )
    options = [line for line in _said("apt-config", "dump") if REACHES_MIRRORS.match(line)]
    release = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=\W?(\w+)", release, re.M)
    is_debian = re.search(r"^ID=debian$", release, re.M)
    sources = sources_for(codename, targets, found[1]) if found and is_debian else ""
    return Apt(sources, "".join(f"{line}\n" for line in options))


def fingerprint(recipe: Recipe, apt: Apt, certificate: bytes) -> str:
    """What an image is made of, as one short word; another word, another image."""
    parts = [
        recipe.codename.encode(),
        repr(apt).encode(),
        certificate,
        repr((UNREAD, COMMAND)).encode(),
    ]
    for file in sorted(path for path in recipe.folder.rglob("*") if path.is_file()):
        parts += [str(file.relative_to(recipe.folder)).encode(), file.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def build(podman: Podman, settings: Settings, recipe: Recipe, fresh: bool = False) -> bool:
    """Make the image unless it is there; whether anything had to be done.

    `fresh` makes it in any case, for the security updates of the day. Raises ImageNotBuilt.
    """
    from bakehouse_lab import authority  # make clean reads this module without its cryptography

    certificate = authority.ensure(authority.folder_of(settings))
    apt = apt_for(recipe.codename)
    wanted = fingerprint(recipe, apt, certificate.read_bytes())
    before = podman.images(FINGERPRINT).get(recipe.image, {})
    if before.get(FINGERPRINT) == wanted and not fresh:
        return False
    with tempfile.TemporaryDirectory(prefix="bakehouse-image-", dir="/var/tmp") as folder:
        _unpack(recipe, apt, certificate, Path(folder))
        podman.run(
            "import",
            f"--change=LABEL {FINGERPRINT}={wanted}",
            f"--change={COMMAND}",
            str(Path(folder, "image.tar")),
            recipe.image,
            timeout=600,
        )
    # The image that had the name before; podman keeps it while a container or an AMI needs it.
    podman.run("image", "prune", "--force", f"--filter=label={FINGERPRINT}")
    return True


def _unpack(recipe: Recipe, apt: Apt, certificate: Path, folder: Path) -> None:
    (folder / "debian.sources").write_text(apt.sources)
    (folder / "80machine").write_text(apt.options)
    command = list(_command(recipe, apt, certificate, folder))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=900, env=_environment()
        )
    except FileNotFoundError as missing:
        raise ImageNotBuilt(
            "mmdebstrap is not installed; try: apt-get install mmdebstrap"
        ) from missing
    except subprocess.TimeoutExpired as late:
        raise ImageNotBuilt(f"{recipe.image}: mmdebstrap was not ready after 900 s") from late
    if done.returncode:
        raise ImageNotBuilt(explain(recipe.image, done.stderr))


def _command(recipe: Recipe, apt: Apt, certificate: Path, folder: Path) -> Iterator[str]:
    yield from ("mmdebstrap", "--mode=root", "--variant=minbase")
    yield from (f"--dpkgopt={option}" for option in UNREAD)
    yield f"--include={','.join(recipe.packages)}"
    yield from _hooks(recipe, apt, certificate, folder)
    yield from (recipe.codename, str(folder / "image.tar"))
    if apt.sources:
        yield str(folder / "debian.sources")


def _hooks(recipe: Recipe, apt: Apt, certificate: Path, folder: Path) -> Iterator[str]:
    """Copy in, then run the recipe's last step; mmdebstrap runs hooks in this order."""
    if apt.options:
        yield f"--aptopt={folder / '80machine'}"
    trusted = "usr/local/share/ca-certificates"
    yield f'--customize-hook=install -D -m 644 {certificate} "$1/{trusted}/bakehouse-lab.crt"'
    if (recipe.folder / "rootfs").is_dir():
        # No owner and no folder modes from the working tree: they are whatever git and umask made.
        yield (
            f"--customize-hook=tar -C {recipe.folder / 'rootfs'} --owner=0 --group=0"
            ' --mode=u=rwX,go=rX -c . | tar -C "$1" --no-overwrite-dir -x'
        )
    if apt.sources:
        yield (
            '--customize-hook=cd "$1/etc/apt/sources.list.d" && mv *debian.sources debian.sources'
        )
    yield f'--customize-hook={recipe.folder / "finish"} "$1"'


def explain(image: str, said: str) -> str:
    """What mmdebstrap's last words mean for the one who waits for the image.

    >>> print(explain("img", "E: Failed to fetch http://m/d  Could not connect"))
    img was not built: no mirror answered.
    It said: E: Failed to fetch http://m/d  Could not connect
    Check the network and this machine's apt sources (apt-get update), then: scripts/lab images
    """
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")] or lines[-1:] or ["nothing"]
    unreachable = re.search(r"fetch|resolve|connect|timed out|Release", said)
    reason = "no mirror answered" if unreachable else "mmdebstrap failed"
    then = (
        "Check the network and this machine's apt sources (apt-get update), then"
        if unreachable
        else "Mend that, then"
    )
    return f"{image} was not built: {reason}.\nIt said: {errors[0]}\n{then}: scripts/lab images"


def _said(*command: str) -> Sequence[str]:
    if shutil.which(command[0]) is None:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.splitlines()


def _environment() -> dict[str, str]:
    """The packages' scripts see a plain machine, not this shell's proxies of Python or Node.

    Files are dated a day back, as in an image that was published: an empty folder of package lists
    that looks fresh keeps Ansible from fetching any.
    """
    kept = ("PATH", "HOME", "http_proxy", "https_proxy", "no_proxy", "SOURCE_DATE_EPOCH")
    usual = {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(int(time.time()) - 86400)}
    return usual | {k: os.environ[k] for k in kept if k in os.environ}
