"""The only module that talks to hosts: OpenSSH, with a key and a list of known hosts of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER = "admin"

_CONFIG = """\
Host *
    User {user}
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking accept-new
    BatchMode yes
    ConnectTimeout 5
    ControlMaster auto
    ControlPath {folder}/%C
    ControlPersist 60s
    LogLevel ERROR
"""


class NoAnswer(Trouble):
    """A host did not answer, or a command on it failed; nothing was changed on it."""


@dataclass(frozen=True, slots=True)
class Door:
    """A way in to hosts of one run. `folder` must have a short path: a socket's has 108 bytes."""

    folder: Path

    @property
    def key(self) -> Path:
        """The private key."""
        return self.folder / "key"

    @property
    def config(self) -> Path:
        """The configuration, for whoever asks over SSH."""
        return self.folder / "ssh_config"

    def make_key(self, comment: str) -> str:
        """Make the key; returns the public one."""
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(self.key)]
        subprocess.run(make, check=True)
        return self.key.with_suffix(".pub").read_text().strip()

    def open(self, addresses: Mapping[str, str]) -> None:
        """Write down where each host is, by its name."""
        hosts = "".join(
            f"Host {name}\n    HostName {address}\n" for name, address in addresses.items()
        )
        common = _CONFIG.format(user=USER, key=self.key, folder=self.folder)
        self.config.write_text(hosts + "\n" + common)

    def run(self, host: str, *command: str, given: str = "", seconds: float = 120) -> str:
        """Run a command on a host, with `given` on its standard input; what it printed.

        Raises NoAnswer.
        """
        words = ["ssh", "-F", str(self.config), host, "--", *command]
        # A file and no pipe: the connection that stays open for the next command holds on to it.
        with tempfile.TemporaryFile("w+") as errors:
            try:
                done = subprocess.run(
                    words,
                    input=given,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    timeout=seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise NoAnswer(f"{host} did not answer in {seconds:.0f} s.") from None
            errors.seek(0)
            said = errors.read().strip()[-500:]
        if done.returncode:
            raise NoAnswer(f"{host}: {said or f'status {done.returncode}'}")
        return done.stdout

    def ask_tests(self, host: str, root: Path, report: Path, log: Path) -> int:
        """Ask tests/host of a host; what they said is in `log`, the report in `report`.

        Two processes, for the most of it is waiting for the host: with one it took half as long
        again.
        """
        words = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "--sudo"]
        words += [f"--ssh-config={self.config}", f"--hosts=ssh://{host}"]
        words += ["-n", "2", "--dist", "loadfile", f"--junitxml={report}", "tests/host"]
        with log.open("w") as file:
            done = subprocess.run(
                words, cwd=root, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
            )
        return done.returncode
