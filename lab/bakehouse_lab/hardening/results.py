"""What Lynis, OpenSCAP and systemd-analyze said of one host, read from their own words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# In a container most rules do not apply unless that is undone, and then a stock Debian scores 92 of
# 100 with 135 rules (measured). A CIS level 1 run that is worth its name evaluates this many.
ENOUGH_RULES = 320


@dataclass(frozen=True, slots=True)
class Lynis:
    """Lynis' index of 0 to 100, and what it found.

    `own_kernel` is the index if the kernel were the host's own and set as its /etc/sysctl.d says.
    """

    index: int
    own_kernel: int
    warnings: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A SCAP profile's rules by what came of them."""

    passed: frozenset[str]
    failed: frozenset[str]

    @property
    def evaluated(self) -> int:
        """Rules that say something; what does not apply says nothing."""
        return len(self.passed) + len(self.failed)

    @property
    def percent(self) -> float:
        """The passed among the evaluated, or 0 when none was."""
        return 100 * len(self.passed) / self.evaluated if self.evaluated else 0


@dataclass(frozen=True, slots=True)
class Excuse:
    """Rules that fail, and why. `lab`: our hosts follow them, and a container cannot show it."""

    reason: str
    rules: frozenset[str]
    lab: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """One host: `rules` is None when no content was given, so that none was evaluated."""

    name: str
    lynis: Lynis
    rules: Rules | None
    exposure: Mapping[str, float] = field(default_factory=dict)  # by unit


def lynis(report: str, log: str = "", settings: str = "") -> Lynis:
    """From /var/log/lynis-report.dat, lynis.log beside it, and the host's files of sysctl.d.

    >>> lynis("hardening_index=86\\nsuggestion[]=SSH-7408|Consider hardening|x|-|\\n")
    Lynis(index=86, own_kernel=86, warnings=(), suggestions=('SSH-7408',))
    """

    def listed(kind: str) -> tuple[str, ...]:
        return tuple(re.findall(rf"^{kind}\[\]=([\w-]+)\|", report, flags=re.M))

    index = re.search(r"^hardening_index=(\d+)$", report, flags=re.M)
    found = int(index[1]) if index else 0
    own = _on_own_kernel(log, settings) or found
    return Lynis(found, own, listed("warning"), listed("suggestion"))


def _on_own_kernel(log: str, settings: str) -> int:
    counts = re.findall(r"Currently having (\d+) points \(out of (\d+)\)", log)
    if not counts:
        return 0
    wanted = dict(re.findall(r"^-?([\w.]+) *= *(\S+)$", settings, flags=re.M))
    # A kernel setting is worth one point.
    differ = re.findall(r"sysctl key (\S+) has a different .* Expected=(\S+), Real=", log)
    withheld = sum(wanted.get(name) == expected for name, expected in differ)
    points, possible = map(int, counts[-1])
    return int(100 * (points + withheld) / possible)


def rules(said: str) -> Rules:
    """From what `oscap xccdf eval` prints: a rule's id, and on a later line its result.

    >>> rules("Rule\\tx_content_rule_a\\nResult\\tpass\\n")
    Rules(passed=frozenset({'a'}), failed=frozenset())
    """
    pairs = re.findall(
        r"^Rule\s+\S*?content_rule_(\S+)\n(?:.+\n)*?Result\s+(\w+)", said, flags=re.M
    )
    return Rules(
        frozenset(rule for rule, result in pairs if result == "pass"),
        frozenset(rule for rule, result in pairs if result in ("fail", "error")),
    )


def version(content: str) -> str:
    """Whose rules a SCAP data stream has, and which; empty when it does not say.

    >>> version('<xccdf-1.2:version update="https://github.com/x">0.1.83</xccdf-1.2:version>')
    'ComplianceAsCode 0.1.83'
    """
    said = re.search(r"<xccdf-1\.2:version\b[^>]*>([^<]+)<", content)
    return f"ComplianceAsCode {said[1]}" if said else ""


def exposures(said: str) -> dict[str, float]:
    """From the one-line verdicts of `systemd-analyze security UNIT`.

    >>> exposures("→ Overall exposure level for nginx.service: 1.0 OK :-)")
    {'nginx.service': 1.0}
    """
    found = re.findall(r"exposure level for (\S+): ([\d.]+)", said)
    return {unit: float(level) for unit, level in found}


def excuses(text: str) -> list[Excuse]:
    """From roles/hardening/exceptions.yml."""
    return [
        Excuse(each["reason"], frozenset(each["rules"]), each.get("lab", False))
        for each in yaml.safe_load(text)
    ]


def unexcused(found: Rules, given: Sequence[Excuse]) -> list[str]:
    """Rules that fail without a reason that somebody wrote down."""
    return sorted(found.failed - {rule for excuse in given for rule in excuse.rules})


def needless(found: Sequence[Rules], given: Sequence[Excuse]) -> list[str]:
    """Rules that are excused and fail on no host: the excuse is out of date.

    Not those of a container: whether they fail is its machine's kernel's doing.
    """
    failed = {rule for each in found for rule in each.failed}
    passed = {rule for each in found for rule in each.passed}
    ours = {rule for excuse in given if not excuse.lab for rule in excuse.rules}
    return sorted(ours & passed - failed)
