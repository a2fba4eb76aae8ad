"""Make copies of AWS's bucket on this host, one as it should be and five that must be refused.

The agent in them is a stand-in of a few lines, signed with a key made here and now: what is tried
is whether the role lets an agent in, not what an agent does. Prints the key's fingerprint.

    mirror.py FOLDER
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "1.300071.0b1"
NAME = "amazon-cloudwatch-agent"
CONTROL = f"""\
Package: {NAME}
Version: {VERSION}-1
Architecture: all
Maintainer: the test that made it
Description: stand-in for Amazon's CloudWatch agent, which ships nothing
"""
UNIT = """\
[Unit]
Description=Stand-in for Amazon's CloudWatch agent
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
# The real one turns JSON into TOML; both refuse what is no JSON.
TRANSLATOR = """\
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in --input) input=$2 ;; --output) output=$2 ;; esac
    shift
done
exec python3 -m json.tool "$input" "$output"
"""


def run(*command, **more):
    """Run a command that must succeed; returns what it printed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Signer:
    """A key of its own, in a folder that is gone afterwards."""

    def __init__(self, home):
        self._gpg = ("gpg", "--batch", "--quiet", "--homedir", home)
        pathlib.Path(home).chmod(0o700)
        run(*self._gpg, "--passphrase", "", "--quick-generate-key", "Test", "rsa2048")

    def key(self):
        """The public key, armoured."""
        return run(*self._gpg, "--armor", "--export")

    def fingerprint(self):
        """The fingerprint of the primary key; it has a subkey too."""
        lines = run(*self._gpg, "--with-colons", "--fingerprint").splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def sign(self, path):
        """Put a detached signature beside a file."""
        run(*self._gpg, "--yes", "--output", f"{path}.sig", "--detach-sign", path)


def package(folder):
    """Build the stand-in for the agent."""
    tree = folder / "tree"
    for name, text in (
        ("DEBIAN/control", CONTROL),
        (f"lib/systemd/system/{NAME}.service", UNIT),
        (f"opt/aws/{NAME}/bin/config-translator", TRANSLATOR),
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / f"opt/aws/{NAME}/bin/config-translator").chmod(0o755)
    run("dpkg-deb", "--root-owner-group", "--build", tree, folder / "agent.deb")
    return folder / "agent.deb"


def main(root, amazon, stranger, deb):
    """Lay the mirrors out, as AWS's bucket is laid out."""
    architecture = run("dpkg", "--print-architecture").strip()
    for mirror in ("good", "key-of-another", "no-key", "signed-by-another", "tampered", "unsigned"):
        signer = stranger if "another" in mirror else amazon
        agent = root / mirror / "debian" / architecture / VERSION / f"{NAME}.deb"
        key = root / mirror / "assets" / f"{NAME}.gpg"
        agent.parent.mkdir(parents=True)
        key.parent.mkdir()
        shutil.copy(deb, agent)
        signer.sign(agent)
        key.write_text((stranger if mirror == "key-of-another" else amazon).key())
        if mirror == "no-key":
            key.write_text("")
        elif mirror == "tampered":
            agent.write_bytes(agent.read_bytes() + b"\0")
        elif mirror == "unsigned":
            pathlib.Path(f"{agent}.sig").unlink()
    (root / "fingerprint").write_text(amazon.fingerprint())


if __name__ == "__main__":
    temporary = tempfile.TemporaryDirectory
    with temporary() as one, temporary() as two, temporary() as build:
        deb = package(pathlib.Path(build))
        main(pathlib.Path(sys.argv[1]), Signer(one), Signer(two), deb)
