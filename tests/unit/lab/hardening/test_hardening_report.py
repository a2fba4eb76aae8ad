"""What scanners say becomes one table, and nothing that fails is left without a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakehouse_lab.cli.harden import main
from bakehouse_lab.hardening.report import Compared, page
from bakehouse_lab.hardening.results import (
    Excuse,
    Lynis,
    Rules,
    Scanned,
    excuses,
    lynis,
    needless,
    rules,
    unexcused,
)

ROOT = Path(__file__).parents[4]

OSCAP = """\
--- Starting Evaluation ---

Title\tInstall AIDE
Rule\txccdf_org.ssgproject.content_rule_package_aide_installed
Result\tfail

Title\tEnsure /dev/shm is configured
Rule\txccdf_org.ssgproject.content_rule_partition_for_dev_shm
Ident\tCCE-1
Result\tpass

Title\tNot here
Rule\txccdf_org.ssgproject.content_rule_gdm
Result\tnotapplicable

Title\tBroken
Rule\txccdf_org.ssgproject.content_rule_broken
Result\terror
"""

AIDE = Excuse("Hosts are replaced.", frozenset({"package_aide_installed"}))


def scanned(name: str, found: Rules | None, **exposure: float) -> Scanned:
    return Scanned(name, Lynis(80, 83, (), ("SSH-7408",)), found, exposure)


def test_rules_that_do_not_apply_are_not_counted_and_errors_are_failures() -> None:
    found = rules(OSCAP)
    assert found.passed == {"partition_for_dev_shm"}
    assert found.failed == {"package_aide_installed", "broken"}
    assert round(found.percent) == 33


def test_a_report_of_lynis_without_an_index_counts_as_nothing() -> None:
    assert lynis("").index == 0
    assert lynis("warning[]=FIRE-4512|iptables|-|-|\n").warnings == ("FIRE-4512",)


def test_points_that_only_a_kernel_of_its_own_can_give_are_told_apart() -> None:
    log = (
        "Result: sysctl key a.b has a different value than expected in scan profile. "
        "Expected=0, Real=1\n"
        "Result: sysctl key not.ours has a different value than expected in scan profile. "
        "Expected=0, Real=1\n"
        "Hardening: assigned points (1 of 3). Currently having 80 points (out of 100)\n"
    )
    found = lynis("hardening_index=80\n", log, "a.b = 1\na.b = 0\nnot.ours = 1\n")
    assert (found.index, found.own_kernel) == (80, 81)


def test_what_fails_without_a_reason_is_told() -> None:
    assert unexcused(rules(OSCAP), [AIDE]) == ["broken"]
    found = Compared(
        scanned("stock", None), scanned("Debian 13", rules(OSCAP)), scanned("Debian 13", None)
    )
    table = page([found], [AIDE], "SSG")
    assert "| failed and not excused below |  | `broken` | not evaluated |" in table


def test_what_only_an_audited_host_fails_needs_a_reason_too() -> None:
    found = Compared(
        scanned("stock", None), scanned("Debian 13", None), scanned("Debian 13", rules(OSCAP))
    )
    text = page([found], [AIDE], "SSG")
    assert "| failed and not excused below |  | not evaluated | `broken` |" in text
    assert "- Hosts are replaced. `package_aide_installed`" in text


def test_what_lynis_suggests_in_vain_has_its_reason_beside_the_rules() -> None:
    excuse = Excuse("Security groups say who may try.", frozenset({"SSH-7408", "DEB-0880"}))
    ours = scanned("Debian 13", rules(OSCAP))
    text = page([Compared(scanned("stock", None), ours, ours)], [excuse], "SSG")
    assert "- Security groups say who may try. `SSH-7408`\n" in text


def test_a_reason_for_what_passes_is_out_of_date() -> None:
    passing = Excuse("Once upon a time.", frozenset({"partition_for_dev_shm", "never_seen"}))
    assert needless([rules(OSCAP)], [passing]) == ["partition_for_dev_shm"]


def test_what_a_container_s_machine_decides_is_never_out_of_date() -> None:
    excuse = Excuse("A container's kernel.", frozenset({"partition_for_dev_shm"}), lab=True)
    assert needless([rules(OSCAP)], [excuse]) == []


def test_without_content_the_report_says_so_and_claims_nothing() -> None:
    ours = scanned("Debian 13", None, nginx=1.0)
    text = page([Compared(scanned("stock", None, nginx=9.6), ours, ours)], [AIDE], "")
    assert "not evaluated, no content was given" in text
    assert "passed / failed | not evaluated | not evaluated | not evaluated |" in text
    assert "| exposure of nginx | 9.6 | 1.0 | 1.0 |" in text
    assert "| Lynis index, were the kernel the host's own | 83 | 83 | 83 |" in text


def test_every_exception_of_the_role_has_a_reason_and_no_rule_two() -> None:
    given = excuses((ROOT / "roles/hardening/exceptions.yml").read_text())
    named = [rule for each in given for rule in each.rules]
    assert len(named) == len(set(named))
    assert all(len(each.reason) > 20 for each in given)


def test_content_that_is_not_there_ends_before_anything_is_booted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--content", str(tmp_path)]) == 1
    assert "ssg-debian13-ds.xml" in capsys.readouterr().err
