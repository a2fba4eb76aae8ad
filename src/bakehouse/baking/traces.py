"""Runs on a fresh host, as root: what there is on it that could come from the bake, as JSON.

Reads and looks only. "Old" is what was written before this host's first process began. The canary
is kept out of the arguments of processes and off the disk: grep reads it from /run, in memory.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HISTORY = (".bash_history", ".lesshst", ".viminfo", ".python_history", ".wget-hsts", ".ansible")
PATTERN = "/run/bakehouse-canary"


def began() -> float:
    """When the first process of this host began: the host's own boot, also in a container."""
    ticks = int(Path("/proc/1/stat").read_bytes().rsplit(b")", 1)[1].split()[19])
    lines = Path("/proc/stat").read_text().splitlines()
    booted = next(int(line.split()[1]) for line in lines if line.startswith("btime"))
    return booted + ticks / os.sysconf("SC_CLK_TCK") - 1


def old(folder: str, since: float) -> Iterator[str]:
    """Files with content that are older."""
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path, name)
            try:
                about = file.lstat()
            except OSError:
                continue
            if stat.S_ISREG(about.st_mode) and about.st_size and about.st_mtime < since:
                yield str(file)


def boots() -> int:
    """How many boots the journal knows."""
    asked = ["journalctl", "--list-boots", "--no-pager", "--quiet"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    first = (line.split()[0] for line in said.splitlines() if line.strip())
    return sum(word.lstrip("-").isdigit() for word in first)


def with_canary(canary: str) -> list[str]:
    """The files of the root disk that hold it; none when there is nothing to look for."""
    if not canary:
        return []
    file = os.open(PATTERN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as pattern:
        pattern.write(canary + "\n")
    try:
        files = ["find", "/", "-xdev", "-type", "f", "-size", "+0", "-print0"]
        find = subprocess.Popen(files, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        search = ["xargs", "-0", "grep", "-lF", "-f", PATTERN]
        done = subprocess.run(
            search, stdin=find.stdout, capture_output=True, text=True, check=False
        )
        find.wait()
        return done.stdout.splitlines()
    finally:
        os.unlink(PATTERN)  # noqa: PTH108  # as it was opened


def read(path: str) -> bytes:
    """A file, or nothing."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def main(canary: str) -> None:
    """Look, and print."""
    since = began()
    logs = ["/var/log", *map(str, Path("/srv").glob("*/shared/storage/logs"))]
    homes = [Path("/root"), *Path("/home").iterdir()]
    keys = [str(path) for home in homes for path in home.glob(".ssh/authorized_keys*")]
    found = {
        "machine_id": read("/etc/machine-id").decode().strip(),
        "host_keys": {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in Path("/etc/ssh").glob("ssh_host_*_key")
        },
        "authorized": {path: read(path).decode(errors="replace").splitlines() for path in keys},
        "boots": boots(),
        "logs": sorted(path for folder in logs for path in old(folder, since)),
        "history": [
            str(home / name) for home in homes for name in HISTORY if (home / name).exists()
        ],
        "package_lists": [
            path for path in old("/var/lib/apt/lists", since) if not path.endswith("/lock")
        ],
        "cloud": sorted(path.name for path in Path("/var/lib/cloud/instances").glob("*")),
        "canary": with_canary(canary),
    }
    sys.stdout.write(json.dumps(found))
