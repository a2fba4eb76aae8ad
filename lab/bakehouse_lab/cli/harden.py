"""`make harden`: boot Debian as it comes and hosts with our roles, scan them, write the report.

Ours are the hosts of Molecule's `default` scenario, made for the scan and taken away after it. They
are scanned as they are, and once more with `hardening_audit` on. The scanners come from Debian;
CIS's rules have to be brought, because Debian's packages have none for 12 and 13.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bakehouse_lab.hardening import report, results
from bakehouse_lab.hardening.report import Compared
from bakehouse_lab.hardening.results import ENOUGH_RULES, Rules, Scanned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[3]
FLAGS = ROOT / ".config/molecule/podman_flags.py"  # a host like Molecule's
SLOT = os.environ.get("BAKEHOUSE_LAB_SLOT", "")  # as .config/molecule/create.yml names its hosts
DISTRIBUTIONS = ("debian-13", "debian-12")
PROFILE = "xccdf_org.ssgproject.content_profile_cis_level1_server"
STOCK_UNITS = ("nginx.service", "php*-fpm.service", "ssh.service")
OUR_UNITS = (
    "nginx.service",
    "php*-fpm.service",
    "php-fpm@*.service",
    "laravel-worker@1.service",
    "laravel-scheduler.service",
    "runtime-env.service",
    "ssh.service",
    "dailyaidecheck.service",
)
AUDITED = '-e {"hardening_audit":true}'  # a word alone would be a string

# A scanner that knows it is in a container leaves out most of what it could say. The network's
# settings are the container's own, and may be set without touching the machine's. Its resolver and
# its clock are the machine's: on EC2 systemd-resolved asks the VPC's, and chrony keeps the time of
# hosts that have it; here with -x, which leaves the clock alone.
PREPARE = r"""
set -e
export DEBIAN_FRONTEND=noninteractive
umount /run/.containerenv 2>/dev/null || true
rm -f /run/.containerenv
mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net
for file in /etc/sysctl.d/*.conf; do sysctl -q -e -p "$file" >/dev/null 2>&1 || true; done
apt-get update -qq
apt-get install -y -qq --no-install-recommends linux-base lynis openscap-scanner >/dev/null
if mountpoint -q /etc/resolv.conf; then
    mkdir -p /run/systemd/resolved.conf.d
    sed -n -e '1i[Resolve]' -e 's/^nameserver /DNS=/p' /etc/resolv.conf \
        >/run/systemd/resolved.conf.d/machine.conf
    apt-get install -y -qq --no-install-recommends systemd-resolved >/dev/null
    systemctl --quiet enable --now systemd-resolved
    umount /etc/resolv.conf
    ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
fi
if systemctl --quiet is-enabled chrony 2>/dev/null; then
    mkdir -p /run/systemd/system/chrony.service.d
    printf '[Unit]\nConditionCapability=\n[Service]\nExecStart=\nExecStart=%s\n' \
        '!/usr/sbin/chronyd $DAEMON_OPTS -x' >/run/systemd/system/chrony.service.d/scan.conf
    systemctl daemon-reload
    systemctl restart chrony
fi
"""
# Before that apt cannot check signatures: /tmp is still being tidied.
BOOTED = """
timeout 60 sh -c 'until systemctl is-system-running --wait | grep -qE "running|degraded"
do sleep 1; done'
"""
AUDIT = "lynis audit system --quick --quiet >/dev/null 2>&1; cat /var/log/lynis-report.dat"
SETTINGS = "cat /usr/lib/sysctl.d/*.conf /etc/sysctl.d/*.conf 2>/dev/null || true"
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
        description="Scan Debian as it comes and hosts with our roles; write the report.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--content", type=Path, metavar="FOLDER", help="with ssg-debian12-ds.xml and ...13...")
    add("--content-name", default="", help="what the report calls it, if not by its version")
    add("--distribution", action="append", choices=DISTRIBUTIONS)
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
    asked = wanted.distribution or DISTRIBUTIONS
    content = {each: _content(wanted.content, each) for each in asked}
    before = {each: _scan_stock(each, content[each]) for each in asked}
    with _ours():
        after = {each: _scan(_our(each), each, OUR_UNITS, content[each]) for each in asked}
        _molecule(f"converge -s default -- {AUDITED}")
        audited = {each: _scan(_our(each), each, OUR_UNITS, content[each]) for each in asked}
    if wanted.content:
        ours = [*after.values(), *audited.values()]
        _warn(results.needless([each.rules for each in ours if each.rules], excuses))
    streams = [results.version(each.read_text()) for each in content.values() if each]
    named = wanted.content_name or ", ".join(sorted(set(streams)))
    compared = [Compared(before[each], after[each], audited[each]) for each in asked]
    wanted.report.write_text(report.page(compared, excuses, named))


def _content(folder: Path | None, distribution: str) -> Path | None:
    if folder is None:
        return None
    file = folder / f"ssg-{distribution.replace('-', '')}-ds.xml"
    if not file.is_file():
        raise Unscanned(f"There is no {file}.\n  next: ls {folder}/ssg-*-ds.xml")
    return file


def _scan_stock(distribution: str, content: Path | None) -> Scanned:
    host = f"bakehouse-harden{SLOT}-{distribution}"
    try:
        _boot_stock(host, distribution)
        return _scan(host, distribution, STOCK_UNITS, content)
    finally:
        _podman("rm", "--force", "--ignore", "--time", "0", host)


def _boot_stock(host: str, distribution: str) -> None:
    print(f"booting {distribution} as it comes", flush=True)
    flags = json.loads(subprocess.check_output([sys.executable, FLAGS]))
    label = "--label=bakehouse.molecule=harden"  # so that make clean finds it
    ours = ["run", "--detach", "--replace", f"--name={host}", label]
    image = f"localhost/bakehouse-base:{distribution}"
    _podman(*flags["before"], *ours, *flags["after"], image, *flags["boot"])
    _podman("exec", host, "sh", "-c", BOOTED)
    _podman("exec", host, "sh", "-c", f"apt-get update -qq; {AS_IT_COMES}")


@contextlib.contextmanager
def _ours() -> Iterator[None]:
    for each in DISTRIBUTIONS:
        if not subprocess.run(
            ["podman", "container", "exists", _our(each)], check=False
        ).returncode:
            raise Unscanned(
                f"{_our(each)} stands already, and the scan would change it for good.\n"
                "  next: molecule destroy -s default"
            )
    try:
        _molecule("reset -s default")  # it may believe in hosts that somebody took away
        _molecule("converge -s default")
        yield
    finally:
        _molecule("destroy -s default")


def _our(distribution: str) -> str:
    return f"molecule{SLOT}-default-{distribution}"


def _molecule(command: str) -> None:
    words = f"molecule {command}"
    print(f"hosts with our roles: {words}", flush=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # Ansible's commands are there
    done = subprocess.run(words.split(), cwd=ROOT, env=os.environ | {"PATH": path}, check=False)
    if done.returncode:
        raise Unscanned(f"Molecule has no hosts for us.\n  next: {words}")


def _scan(host: str, name: str, units: Sequence[str], content: Path | None) -> Scanned:
    print(f"scanning {host}", flush=True)
    _podman("exec", host, "sh", "-c", PREPARE)
    listing = "systemctl list-units --all --plain --no-legend"
    listed = _podman("exec", host, *listing.split(), *units)
    found = " ".join(shlex.quote(line.split()[0]) for line in listed.splitlines())
    each = f"for unit in {found}; do systemd-analyze security --no-pager $unit | tail -1; done"
    exposure = results.exposures(_podman("exec", host, "sh", "-c", each))
    rules = _evaluate(host, content) if content else None
    lynis = results.lynis(
        _podman("exec", host, "sh", "-c", AUDIT),
        _podman("exec", host, "cat", "/var/log/lynis.log"),
        _podman("exec", host, "sh", "-c", SETTINGS),
    )
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
