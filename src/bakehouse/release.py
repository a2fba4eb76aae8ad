"""Pack an application's folder: the same bytes for the same content, wherever and whenever.

The name carries the content: two archives of one name are one release. What belongs to a host
(storage, the environment) or to a working tree (.git) stays out.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

# What makes a folder a Laravel application that a host can serve.
WANTED = ("artisan", "public/index.php", "bootstrap/app.php", "vendor/autoload.php")

# By path from the folder. The host has its own storage; caches are made where they are used.
LEFT_OUT = (
    re.compile(r"storage(/|$)"),
    re.compile(r"(bootstrap/cache|public/storage|public/hot|node_modules)(/|$)"),
    re.compile(r"(.*/)?\.(git|svn|hg|idea|vscode|DS_Store)(/|$)"),
    re.compile(r"\.env($|\.(?!example$))"),
    re.compile(r"(.*/)?(\.gitignore|\.gitattributes)$"),
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

EARLIEST = 946_684_800  # 2000-01-01
YEARS_20 = 20 * 365 * 86_400

# How many digits of the content's hash a name carries: no two releases of a team will ever meet.
DIGITS = 12


class NotLaravel(Trouble):
    """The folder is not a Laravel application; nothing was written."""


class BadName(Trouble):
    """The name cannot be the name of a release; nothing was written."""


class CannotPack(Trouble):
    """The folder holds what cannot be packed; nothing was written."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive, and the file beside it that sha256sum -c reads."""

    release: str
    archive: Path
    checksum: str


def pack(folder: Path, into: Path, name: str | None = None) -> Packed:
    """Pack `folder` into `into`, under `name` (else the folder's) and the hash of its content.

    An archive that is there already is left as it is. Raises NotLaravel, BadName or CannotPack.
    """
    missing = [wanted for wanted in WANTED if not (folder / wanted).is_file()]
    if missing:
        raise NotLaravel(*_why_not(folder, missing))
    name = name or folder.resolve().name
    if not NAME.fullmatch(name):
        raise BadName(
            f"{name!r} cannot name a release: wanted letters, digits, dots, dashes, underscores.",
            f"scripts/package {folder} --name app",
        )
    into.mkdir(parents=True, exist_ok=True)
    fresh = into / f".{name}.{os.getpid()}.tmp"
    try:
        with fresh.open("wb") as file:
            write(folder, file)
        checksum = hashlib.sha256(fresh.read_bytes()).hexdigest()
        release = f"{name}-{checksum[:DIGITS]}"
        archive = fresh.replace(into / f"{release}.tar.gz")
    finally:
        fresh.unlink(missing_ok=True)
    (into / f"{release}.tar.gz.sha256").write_text(f"{checksum}  {archive.name}\n")
    return Packed(release, archive, checksum)


def _why_not(folder: Path, missing: list[str]) -> tuple[str, str]:
    if not folder.is_dir():
        return f"{folder} is not a folder.", "scripts/package sample_app"
    if missing == ["vendor/autoload.php"]:
        return (
            f"{folder} has no vendor/autoload.php: its dependencies are not installed.",
            f"composer install --no-dev --classmap-authoritative --working-dir {folder}",
        )
    return (
        f"{folder} is not a Laravel application: it has no {', '.join(missing)}.",
        "scripts/package FOLDER-WITH-ARTISAN",
    )


def left_out(path: str) -> bool:
    """Whether a path, relative to the application's folder, stays out of the archive.

    >>> left_out("storage/logs/laravel.log"), left_out("app/storage/Disk.php")
    (True, False)
    """
    return any(pattern.match(path) for pattern in LEFT_OUT)


def write(folder: Path, file: IO[bytes]) -> None:
    """Write the archive: sorted, without owners, times from content, one mode bit: "executable".

    Raises CannotPack for a socket, a device, or a link that leads out of the folder.
    """
    # gzip would add a name and the time of day.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _paths(folder):
            _add(tar, folder, path)


def _paths(folder: Path) -> Iterator[Path]:
    """All that goes into the archive, sorted, folders before what they hold."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        yield from _below(folder, path)


def _below(folder: Path, path: Path) -> Iterator[Path]:
    if left_out(path.relative_to(folder).as_posix()):
        return
    yield path
    if path.is_dir() and not path.is_symlink():
        for below in sorted(path.iterdir(), key=lambda path: path.name):
            yield from _below(folder, below)


def _add(tar: tarfile.TarFile, folder: Path, path: Path) -> None:
    name = path.relative_to(folder).as_posix()
    mode = path.lstat().st_mode
    entry = tarfile.TarInfo(name)  # owner 0, time 0
    if stat.S_ISLNK(mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, _target(folder, path)
        tar.addfile(entry)
    elif stat.S_ISDIR(mode):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    elif stat.S_ISREG(mode):
        entry.mode = 0o755 if mode & stat.S_IXUSR else 0o644
        content = path.read_bytes()
        entry.size, entry.mtime = len(content), time_of(content)
        tar.addfile(entry, io.BytesIO(content))
    else:
        raise CannotPack(f"{path} is neither a file, a folder nor a link.", f"rm {path}")


def time_of(content: bytes) -> int:
    """A modification time that changes when the content does, between 2000 and 2020.

    nginx makes an ETag of size and time: with one time for all, a browser would keep yesterday's
    style sheet of the same length.
    """
    digest = hashlib.sha256(content).digest()
    return EARLIEST + int.from_bytes(digest[:8], "big") % YEARS_20


def _target(folder: Path, path: Path) -> str:
    target = path.readlink()
    if target.is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise CannotPack(
            f"{path} links to {target}, which no host has: a release must hold all that it needs.",
            f"rm {path}",
        )
    return target.as_posix()
