"""A variable that nobody reads is a typo, and is told with the name of the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakehouse.cli.bake import main
from bakehouse.roles.variables import known, refuse_unknown, unknown

ROLES = Path(__file__).parents[3] / "roles"
WEB = {"web": ["web_workers", "web_port"], "web_app": ["web_app_path"]}


@pytest.mark.parametrize(
    ("reason", "name", "told"),
    [
        ("a variable of a role", "web_port", ""),
        ("near a variable", "web_worker", "did you mean web_workers?"),
        ("near none", "web_xyzzy", "it has: roles/web/README.md"),
        ("of the role with the longer name", "web_app_paht", "did you mean web_app_path?"),
        ("of the role with the longer name, rightly", "web_app_path", ""),
        ("of no role of ours", "other_port", ""),
        ("not ours, though it starts alike", "website_port", ""),
        ("what a role works out is not set, and not looked at", "__web_secret", ""),
    ],
)
def test_a_name_that_no_role_reads_is_told(reason: str, name: str, told: str) -> None:
    found = unknown([name], WEB)
    assert (told in found[0]) if told else not found, reason


def test_the_typo_that_everybody_makes_names_the_right_variable() -> None:
    (found,) = unknown(["php_fpm_worker_count"], known(ROLES))
    assert found.endswith("did you mean php_fpm_workers_count?")


def test_no_inventory_of_ours_sets_what_no_role_reads() -> None:
    for inventory in sorted((ROLES.parent / "inventories").iterdir()):
        refuse_unknown(inventory, ROLES)


def test_a_bake_with_a_typo_ends_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("nginx_body_mb: 51\n")
    assert main(["--inventory", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "nginx_body_mb is no variable of the role nginx; did you mean nginx_body_mib?" in said
    assert str(tmp_path / "group_vars/all.yml") in said
