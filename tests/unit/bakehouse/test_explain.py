"""A file on a host leads back to its role, template, variables and their reasons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bakehouse.cli.explain import main
from bakehouse.roles.explain import Unexplained, explain, landing
from bakehouse.roles.sources import Role, read, reasons, roles_in

ROLES = roles_in(Path(__file__).parents[3] / "roles")

DEFAULTS = """\
---
# What a user may change.

# Fits in memory.
web_workers: 4
web_backlog_seconds: 9
web_waiting: [one, two]
# On the safe side,
# as measured.
web_limits:
  open: 10
"""

SPECS = """\
argument_specs:
  main:
    short_description: Serves
    options:
      web_workers: {description: How many., type: int, default: 4}
      web_backlog_seconds: {description: How long., type: int, default: 9}
      web_waiting: {description: Who waits., type: list, default: [one, two]}
      web_limits: {description: Limits., type: dict, default: {open: 10}}
"""

TASKS = """\
---
- name: Configure the server
  ansible.builtin.template:
    src: etc/web/server.conf.j2
    dest: "{{ __web_etc }}/server.conf"

- name: Say hello
  ansible.builtin.copy:
    content: hello
    dest: "/etc/{{ item }}"
  loop: [motd, issue]

- name: Let each of them wait
  ansible.builtin.copy:
    content: "[Unit]"
    dest: "/etc/systemd/system/{{ item }}.service.d/wait.conf"
  loop: "{{ web_waiting }}"

- name: Describe the workers
  ansible.builtin.template:
    src: etc/systemd/system/worker@.service.j2
    dest: /etc/systemd/system/worker@.service
"""

VARS = """\
__web_etc: "/etc/web/{{ web_version | default('1') }}"
__web_memory: "{{ web_limits.open * 2 }}"
"""


@pytest.fixture
def web(tmp_path: Path) -> list[Role]:
    """A small role, whose paths hold a version."""
    files = {
        "defaults/main.yml": DEFAULTS,
        "meta/argument_specs.yml": SPECS,
        "tasks/configure.yml": TASKS,
        "vars/main.yml": VARS,
        "templates/etc/web/server.conf.j2": "workers {{ web_workers }}; memory {{ __web_memory }};",
        "templates/etc/systemd/system/worker@.service.j2": "[Service]",
        "templates/etc/systemd/system/worker@.service.d/limits.conf.j2": "[Service]",
    }
    for name, text in files.items():
        path = tmp_path / "roles/web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [read(tmp_path / "roles/web")]


def test_the_reason_of_a_default_is_the_comment_above_it_or_above_its_group() -> None:
    assert reasons(DEFAULTS) == {
        "web_workers": "Fits in memory.",
        "web_backlog_seconds": "Fits in memory.",
        "web_waiting": "Fits in memory.",
        "web_limits": "On the safe side, as measured.",
    }


def test_a_path_with_a_version_leads_to_the_template_without_one(web: list[Role]) -> None:
    (found,) = explain("/etc/web/8.4/server.conf", web)
    assert (found.role, found.source) == ("web", "roles/web/templates/etc/web/server.conf.j2")
    assert found.tasks == (("Configure the server", "roles/web/tasks/configure.yml:2"),)


def test_variables_behind_those_that_the_role_works_out_are_named_too(web: list[Role]) -> None:
    (found,) = explain("/etc/web/8.4/server.conf", web)
    assert {each.name for each in found.variables} == {"web_workers", "web_limits"}
    assert found.variables[0].reason == "Fits in memory."
    assert found.variables[0].meaning == "How many."


def test_a_file_whose_content_stands_in_a_task_leads_to_the_task(web: list[Role]) -> None:
    (found,) = explain("/etc/motd", web)
    assert (found.source, found.tasks[0][0]) == ("", "Say hello")


def test_a_loop_over_a_variable_reaches_what_the_variable_names(web: list[Role]) -> None:
    assert explain("/etc/systemd/system/two.service.d/wait.conf", web)
    with pytest.raises(Unexplained):
        explain("/etc/systemd/system/three.service.d/wait.conf", web)


@pytest.mark.parametrize("asked", ["worker@3.service", "worker@3", "worker@.service"])
def test_a_unit_s_name_leads_to_its_file_and_its_drop_ins(web: list[Role], asked: str) -> None:
    assert [Path(found.source).name for found in explain(asked, web)] == [
        "worker@.service.j2",
        "limits.conf.j2",
    ]


@pytest.mark.parametrize(
    ("reason", "asked", "nearest"),
    [
        ("a typo", "/etc/web/8.4/serverr.conf", "/etc/web/*/server.conf"),
        ("a folder", "/etc/systemd/system", "/etc/systemd/system/worker@.service"),
        ("the right name at the wrong place", "/etc/server.conf", "/etc/web/*/server.conf"),
    ],
)
def test_an_unknown_path_names_the_nearest(
    web: list[Role], reason: str, asked: str, nearest: str
) -> None:
    with pytest.raises(Unexplained) as refused:
        explain(asked, web)
    assert nearest in str(refused.value), reason
    assert "scripts/explain --list" in str(refused.value)


def test_a_path_far_from_all_of_ours_is_refused_without_a_guess(web: list[Role]) -> None:
    with pytest.raises(Unexplained, match="No role of ours writes /usr/bin/perl"):
        explain("/usr/bin/perl", web)


@pytest.mark.parametrize(
    "source",
    [(role, source) for role in ROLES for source in role.sources],
    ids=lambda pair: f"{pair[0].name}:{pair[1].name}",
)
def test_every_template_and_file_of_every_role_can_be_explained(source: tuple[Role, Path]) -> None:
    role, path = source
    asked = landing(path, role).replace("/php/*/", "/php/8.4/").replace("*", "x")
    found = explain(asked, ROLES)
    assert f"roles/{role.name}/{path.relative_to(role.folder)}" in [each.source for each in found]


def test_the_command_ends_with_1_and_a_next_step_for_a_path_of_nobody(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["/etc/nginx/ngin.conf"]) == 1
    assert "/etc/nginx/nginx.conf" in capsys.readouterr().err


def test_programs_get_the_same_answer_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/etc/nginx/nginx.conf", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["source"] == "roles/nginx/templates/etc/nginx/nginx.conf.j2"
    assert all(variable["reason"] for variable in found["variables"])


def test_people_see_the_role_the_template_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/etc/sysctl.d/60-bakehouse.conf"]) == 0
    page = capsys.readouterr().out
    assert "roles/common/templates/etc/sysctl.d/60-bakehouse.conf.j2" in page
    assert "why: somaxconn: as long a queue as PHP-FPM and nginx ask for." in page
