"""The page that `make harden` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bakehouse_lab.hardening.results import ENOUGH_RULES, unexcused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.hardening.results import Excuse, Rules, Scanned


@dataclass(frozen=True, slots=True)
class Compared:
    """One Debian: as it comes, with our roles, and with our roles and `hardening_audit`."""

    stock: Scanned
    ours: Scanned
    audited: Scanned


HEAD = """\
# How hard our hosts are

Written by `make harden`: Debian as it comes with its nginx and PHP-FPM, a host with our roles, and
that host with `hardening_audit` on (off by default), all containers of the lab's base image on one
machine, scanned alike. {content}

To repeat it: build the content of Debian 12 and 13 from github.com/ComplianceAsCode/content (its
README says how), then `make harden CONTENT=FOLDER` with the folder that has `ssg-debian12-ds.xml`
and `ssg-debian13-ds.xml`. Without content the other rows are measured, and CIS says "not
evaluated": Debian's own packages have no CIS rules for 12 and 13.
"""

TAIL = """
## What a container cannot show

Kernel settings (kernel.*, fs.*, vm.*), AppArmor, auditd and the boot loader are the machine's. They
count as failed here, and are told apart above. Lynis' index "were the kernel the host's own" adds
the points of those settings that stand in the host's files of sysctl.d as Lynis wants them.

Before a scan, of each host, `/run/.containerenv` is unmounted and `linux-base` installed:
otherwise most rules would not apply, and a stock Debian would score 92 of 100 with 135 rules.
systemd-resolved answers for the machine's resolver, as on EC2, and chrony, where it is enabled,
runs with -x, which leaves the machine's clock alone. A run of CIS with fewer than {enough}
evaluated rules is refused.
"""


def page(found: Sequence[Compared], excuses: Sequence[Excuse], content: str) -> str:
    """The report: what was found of each Debian, what was excused, and the content's name."""
    named = f"CIS: {content}." if content else "CIS: not evaluated, no content was given."
    parts = [HEAD.format(content=named)]
    parts += [_table(each, excuses) for each in found]
    ours = [scan for each in found for scan in (each.ours, each.audited)]
    parts += [_excused(ours, excuses), TAIL.format(enough=ENOUGH_RULES)]
    return "\n".join(parts)


def _table(found: Compared, excuses: Sequence[Excuse]) -> str:
    scans = (found.stock, found.ours, found.audited)
    rows: list[tuple[object, ...]] = [
        ("Lynis index", *(each.lynis.index for each in scans)),
        (
            "Lynis index, were the kernel the host's own",
            *(each.lynis.own_kernel for each in scans),
        ),
        ("Lynis warnings", *(len(each.lynis.warnings) for each in scans)),
        ("Lynis suggestions", *(len(each.lynis.suggestions) for each in scans)),
        ("CIS level 1 server: passed / failed", *(_count(each.rules) for each in scans)),
        ("of those evaluated, percent", *(_percent(each.rules) for each in scans)),
        (
            "failed and not excused below",
            "",
            *(_open(each.rules, excuses) for each in scans[1:]),
        ),
    ]
    units = dict.fromkeys(unit for each in scans for unit in each.exposure)
    rows += [
        (f"exposure of {unit}", *(each.exposure.get(unit, "-") for each in scans)) for unit in units
    ]
    head = f"## {found.ours.name}\n\n| | stock | ours | ours, audited |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


def _count(rules: Rules | None) -> str:
    return f"{len(rules.passed)} / {len(rules.failed)}" if rules else "not evaluated"


def _percent(rules: Rules | None) -> str:
    return f"{rules.percent:.1f}" if rules else "not evaluated"


def _open(rules: Rules | None, excuses: Sequence[Excuse]) -> str:
    if not rules:
        return "not evaluated"
    return ", ".join(f"`{rule}`" for rule in unexcused(rules, excuses)) or "none"


def _excused(scans: Sequence[Scanned], excuses: Sequence[Excuse]) -> str:
    failed = {rule for scan in scans if scan.rules for rule in scan.rules.failed}
    failed |= {each for scan in scans for each in scan.lynis.suggestions}
    lines = ["## What fails or is suggested, and why it is so\n"]
    for excuse in excuses:
        rules = sorted(excuse.rules & failed)
        if rules:
            where = " (In a container only.)" if excuse.lab else ""
            named = ", ".join(f"`{rule}`" for rule in rules)
            lines.append(f"- {' '.join(excuse.reason.split())}{where} {named}")
    return "\n".join(lines)
