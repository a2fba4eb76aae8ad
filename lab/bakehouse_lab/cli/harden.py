"""`make harden`: boot Debian as it comes and a host with our roles, scan both, write the report.

Ours are the hosts of Molecule's `default` scenario, made when they are not there. The scanners come
from Debian; CIS's rules have to be brought, because Debian's packages have none for 12 and 13.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.hardening import report, results
from bakehouse_lab.hardening.results import ENOUGH_RULES, Rules, Scanned

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
FLAGS = ROOT / ".config/molecule/podman_flags.py"  # a host like Molecule's
SLOT = os.environ.get("BAKEHOUSE_LAB_SLOT", "0")
PROFILE = "xccdf_org.ssgproject.content_profile_cis_level1_server"
STOCK_UNITS = ("nginx.service", "php*-fpm.service", "ssh.service")
OUR_UNITS = (
    "nginx.service",
    "php*-fpm.service",
    "php-fpm@*.service",
    "laravel-worker@*.service",
    "laravel-scheduler.service",
    "runtime-env.service",
    "ssh.service",
)

# A scanner that knows it is in a container leaves out most of what it could say. The network's
# settings are the container's own, and may be set without touching the machine's.
PREPARE = """
set -e
export DEBIAN_FRONTEND=noninteractive
umount /run/.containerenv 2>/dev/null || true
rm -f /run/.containerenv
mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net
for file in /etc/sysctl.d/*.conf; do sysctl -q -e -p "$file" >/dev/null 2>&1 || true; done
apt-get update -qq
apt-get install -y -qq --no-install-recommends linux-base lynis openscap-scanner >/dev/null
"""
AS_IT_COMES = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx php-fpm >/dev/null"

EPILOG = """\
exit status:
  0  the report is written
  1  it is not: a host could not be made or scanned, or CIS's run was vacuous
  2  the command was not understood

examples:
  make harden
  make harden CONTENT=~/content/build
"""


class Unscanned(RuntimeError):
    """A host could not be made or scanned; no report was written."""


def main(argv: Sequence[str] | None = None) -> int:
    """Scan and write; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make harden",
        description="Scan Debian as it comes and a host with our roles; write the report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--content", type=Path, metavar="FOLDER", help="with ssg-debian12-ds.xml and ...13...")
    add("--content-name", default="", help="what it is and of when, for the report")
    add("--distribution", action="append", choices=("debian-13", "debian-12"))
    add("--report", type=Path, default=ROOT / "docs/hardening-report.md", metavar="FILE")
    wanted = parser.parse_args(argv)
    try:
        _harden(wanted)
    except Unscanned as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"written: {wanted.report}")
    return 0


def _harden(wanted: argparse.Namespace) -> None:
    excuses = results.excuses((ROOT / "roles/hardening/exceptions.yml").read_text())
    pairs = []
    for distribution in wanted.distribution or ("debian-13", "debian-12"):
        content = _content(wanted.content, distribution)
        stock = _boot_stock(distribution)
        try:
            before = _scan(stock, distribution, STOCK_UNITS, content)
        finally:
            _podman("rm", "--force", "--time", "0", stock)
        pairs.append((before, _scan(_ours(distribution), distribution, OUR_UNITS, content)))
    if wanted.content:
        _warn(results.needless([ours.rules for _, ours in pairs if ours.rules], excuses))
    named = wanted.content_name or (str(wanted.content.name) if wanted.content else "")
    wanted.report.write_text(report.page(pairs, excuses, named))


def _content(folder: Path | None, distribution: str) -> Path | None:
    if folder is None:
        return None
    file = folder / f"ssg-{distribution.replace('-', '')}-ds.xml"
    if not file.is_file():
        raise Unscanned(f"There is no {file}.\n  next: ls {folder}/ssg-*-ds.xml")
    return file


def _boot_stock(distribution: str) -> str:
    print(f"booting {distribution} as it comes", flush=True)
    name = f"bakehouse-harden{SLOT}-{distribution}"
    flags = json.loads(subprocess.check_output([sys.executable, FLAGS]))
    label = "--label=bakehouse.molecule=harden"  # so that make clean finds it
    ours = ["run", "--detach", "--replace", f"--name={name}", label]
    image = f"localhost/bakehouse-base:{distribution}"
    _podman(*flags["before"], *ours, *flags["after"], image, *flags["boot"])
    _podman("exec", name, "sh", "-c", f"apt-get update -qq; {AS_IT_COMES}")
    return name


def _ours(distribution: str) -> str:
    name = f"molecule{SLOT}-default-{distribution}"
    if subprocess.run(["podman", "container", "exists", name], check=False).returncode:
        print("making hosts with our roles (molecule converge -s default)", flush=True)
        molecule = Path(sys.executable).with_name("molecule")
        done = subprocess.run([molecule, "converge", "-s", "default"], cwd=ROOT, check=False)
        if done.returncode:
            raise Unscanned("Molecule made no hosts.\n  next: molecule converge -s default")
    return name


def _scan(host: str, name: str, units: Sequence[str], content: Path | None) -> Scanned:
    print(f"scanning {host}", flush=True)
    _podman("exec", host, "sh", "-c", PREPARE)
    listed = _podman("exec", host, "systemctl", "list-units", "--plain", "--no-legend", *units)
    found = " ".join(shlex.quote(line.split()[0]) for line in listed.splitlines())
    each = f"for unit in {found}; do systemd-analyze security --no-pager $unit | tail -1; done"
    exposure = results.exposures(_podman("exec", host, "sh", "-c", each))
    rules = _evaluate(host, content) if content else None
    audit = "lynis audit system --quick --quiet >/dev/null 2>&1; cat /var/log/lynis-report.dat"
    lynis = results.lynis(_podman("exec", host, "sh", "-c", audit))
    return Scanned(name.replace("debian-", "Debian "), lynis, rules, exposure)


def _evaluate(host: str, content: Path) -> Rules:
    _podman("cp", str(content), f"{host}:/root/content.xml")
    evaluate = f"oscap xccdf eval --profile {PROFILE} /root/content.xml 2>/dev/null || test $? = 2"
    rules = results.rules(_podman("exec", host, "sh", "-c", evaluate))
    if rules.evaluated < ENOUGH_RULES:
        raise Unscanned(
            f"Only {rules.evaluated} rules of CIS were evaluated on {host}; "
            f"wanted at least {ENOUGH_RULES}: the number would mean nothing."
        )
    return rules


def _warn(needless: list[str]) -> None:
    for rule in needless:
        print(f"excused, and passes: {rule} (roles/hardening/exceptions.yml)", file=sys.stderr)


def _podman(*words: str) -> str:
    done = subprocess.run(["podman", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unscanned(f"podman {' '.join(words[:3])} failed:\n{done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
