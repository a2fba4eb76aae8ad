"""What playbooks, inventories and packer's templates promise, without a host or a cloud."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakehouse.baking.workbench import template_files
from bakehouse.roles.variables import known, unknown

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "ansible/playbooks"
TOOLS = Path(sys.executable).parent
CONVERGING = ["configure", "deploy"]  # wire restarts nothing that serves
ENVIRONMENTS = ["lab", "staging", "production"]

# Any value will do: packer looks at types, and that files are there.
VARIABLES = {
    "source_ami": "ami-0123456789abcdef0",
    "image_name": "bakehouse-web-debian-13-20261121-000000",
    "security_group": "sg-0123456789abcdef0",
    "key_pair_name": "bakehouse-test",
    "tags": {"Role": "web"},
    "run_tags": {"bakehouse:run": "test"},
    "ansible_playbook": str(TOOLS / "ansible-playbook"),
    "playbook": str(PLAYBOOKS / "bake.yml"),
    "inventory_directory": str(ROOT / "inventories/lab"),
    "ansible_variables": "/dev/null",
    "manifest": "/dev/null",
}


def plays(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text()))


def roles(play: dict[str, Any]) -> list[str]:
    return [entry["role"] for entry in play["roles"]]


def inventory(environment: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"inventories/{environment}/aws_ec2.yml").read_text()))


def ansible(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOLS / words[0], *words[1:]],
        cwd=ROOT,
        env=os.environ
        | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_INVENTORY_ENABLED": "host_list"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


# -- playbooks


@pytest.mark.parametrize("playbook", ["site.yml", "ansible/playbooks/bake.yml"])
def test_ansible_understands_a_playbook(playbook: str) -> None:
    done = ansible("ansible-playbook", "-i", "localhost,", "--syntax-check", playbook)
    assert done.returncode == 0, done.stderr


def test_site_yml_only_imports() -> None:
    site = yaml.safe_load((ROOT / "site.yml").read_text())
    assert all(set(step) - {"tags"} == {"name", "ansible.builtin.import_playbook"} for step in site)


def test_each_role_can_be_asked_for_alone_by_its_name() -> None:
    (play,) = plays("configure")
    tags = {entry["role"]: entry["tags"] for entry in play["roles"]}
    assert tags == {role: role for role in tags} | {"drain": "always"}
    assert {task["tags"] for task in play["pre_tasks"] + play["tasks"]} == {"always"}


def test_a_typo_in_a_tag_ends_a_run_before_any_host() -> None:
    done = ansible("ansible-playbook", "-i", "none,", "site.yml", "--tags", "php_fmp,wire")
    assert done.returncode != 0
    assert "has the tag php_fmp; did you mean php_fpm?" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", CONVERGING)
def test_a_host_leaves_the_balancer_before_a_restart_and_comes_back_after_it(name: str) -> None:
    (play,) = plays(name)
    assert roles(play)[0] == "drain", "handlers run in the order of the roles"
    assert [h["ansible.builtin.import_tasks"] for h in play["handlers"]] == ["handlers/rejoin.yml"]


@pytest.mark.parametrize("name", CONVERGING)
def test_a_failure_on_one_host_stops_before_the_next(name: str) -> None:
    (play,) = plays(name)
    assert play["max_fail_percentage"] == 0
    assert play["tasks"][-1]["ansible.builtin.include_tasks"] == "tasks/turn.yml"


def test_an_image_and_a_living_host_are_made_of_the_same_roles() -> None:
    (bake,), (configure,) = plays("bake"), plays("configure")
    assert roles(bake) == [role for role in roles(configure) if role != "drain"]


def test_the_cleaning_of_an_image_can_hit_no_host_that_serves() -> None:
    assert [play["hosts"] for play in plays("bake")] == ["baking"]
    listed = {group["prefix"] for env in ENVIRONMENTS for group in inventory(env)["keyed_groups"]}
    assert listed == {"env", "role", "asg", "az"}


@pytest.mark.parametrize("asked", [[], ["--tags", "service"]], ids=["all", "a role alone"])
def test_hosts_restart_one_after_the_other(tmp_path: Path, asked: list[str]) -> None:
    """The real turn, with handlers that only write down when they ran."""
    role = tmp_path / "roles/service"
    for folder in ("tasks", "handlers"):
        (role / folder).mkdir(parents=True)
    note = "echo {{ inventory_hostname }} %s >> " + str(tmp_path / "log")
    stop, start = ({"name": w, "listen": "Restart", "shell": note % w} for w in ("stop", "start"))
    change = {"name": "Change", "command": "/bin/true", "notify": "Restart"}
    (role / "tasks/main.yml").write_text(yaml.safe_dump([change]))
    (role / "handlers/main.yml").write_text(yaml.safe_dump([stop, start]))
    turn = {
        "ansible.builtin.include_tasks": str(PLAYBOOKS / "tasks/turn.yml"),
        "loop": "{{ ansible_play_batch }}",
        "loop_control": {"loop_var": "turn"},
        "tags": "always",
    }
    tagged = [{"role": "service", "tags": "service"}]
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "roles": tagged}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play | {"tasks": [turn]}]))
    here = f"ansible_python_interpreter={sys.executable}"
    done = ansible("ansible-playbook", "-i", "a,b,c", "-e", here, *asked, tmp_path / "play.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    log = (tmp_path / "log").read_text().splitlines()
    assert log == [f"{host} {word}" for host in "abc" for word in ("stop", "start")]


def test_an_inventory_without_hosts_is_an_error_that_says_what_to_type() -> None:
    done = ansible("ansible-playbook", "-i", "none,", "ansible/playbooks/check.yml")
    assert done.returncode != 0
    assert "scripts/launch GROUP" in done.stdout


@pytest.mark.parametrize("where", ["-e", "host_vars"])
def test_a_typo_in_a_variable_ends_a_run_before_any_host(tmp_path: Path, where: str) -> None:
    typo = "php_fpm_worker_count"
    (tmp_path / "hosts").write_text(f"web {typo}=4\n" if where == "host_vars" else "web\n")
    given = ["-e", f"{typo}=4"] if where == "-e" else []
    done = ansible(
        "ansible-playbook",
        "-i",
        tmp_path / "hosts",
        "ansible/playbooks/check.yml",
        *given,
        ANSIBLE_INVENTORY_ENABLED="ini",
    )
    assert done.returncode != 0
    told = " ".join(done.stdout.split())
    assert f"{typo} is no variable of the role php_fpm; did you mean php_fpm_workers_count?" in told
    assert "Refuse to do nothing" not in told


@pytest.mark.parametrize(
    ("reason", "bare", "words", "ends_well"),
    [
        ("a bare host has not what --check looks for", True, ["--check"], True),
        ("on a converged host a failure of --check is a fault", False, ["--check"], False),
        ("a real run hides nothing", True, [], False),
    ],
)
def test_only_a_check_of_a_bare_host_goes_on_after_a_failure(
    tmp_path: Path, reason: str, bare: bool, words: list[str], ends_well: bool
) -> None:
    (configure,) = plays("configure")
    mark = tmp_path / "converged"
    if not bare:
        mark.write_text("")
    look = {"name": "Look", "stat": {"path": str(mark)}, "register": "__converged"}
    task = {"name": "Fail", "fail": {"msg": "There is no such service."}}
    play = {"hosts": "all", "gather_facts": False, "connection": "local"}
    play |= {"ignore_errors": configure["ignore_errors"], "tasks": [look, task]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    here = f"ansible_python_interpreter={sys.executable}"
    done = ansible("ansible-playbook", "-i", "a,", "-e", here, *words, tmp_path / "play.yml")
    assert (done.returncode == 0) is ends_well, reason + done.stdout


def test_variables_that_playbooks_give_to_roles_are_theirs() -> None:
    allowed = known(ROOT / "roles")
    for path in PLAYBOOKS.glob("*.yml"):
        for play in plays(path.stem):
            given = [name for entry in play.get("roles", []) for name in entry.get("vars", {})]
            assert unknown(given, allowed) == [], path.name


# -- inventories


def test_the_lab_is_the_default_and_production_must_be_named() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "ansible.cfg")
    assert config["defaults"]["inventory"] == "inventories/lab"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_inventory_lists_running_hosts_of_its_environment_by_id(environment: str) -> None:
    source = inventory(environment)
    assert source["hostnames"] == ["instance-id"]
    assert source["filters"] == {
        "tag:Environment": "production" if environment == "production" else "staging",
        "tag-key": "Role",
        "instance-state-name": "running",
    }


def test_only_the_lab_names_an_endpoint_and_credentials() -> None:
    named = [env for env in ENVIRONMENTS if {"endpoint_url", "secret_key"} & set(inventory(env))]
    assert named == ["lab"]


def test_a_name_of_no_inventory_is_an_error() -> None:
    done = ansible("ansible-inventory", "-i", "inventories/stagin", "--graph")
    assert done.returncode != 0
    assert "inventories/stagin" in done.stderr


# -- packer


def packer(*words: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("packer")
    assert found, "there is no packer; try: apt-get install packer"
    return subprocess.run([found, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", ["packer", "packer/modern"])
def test_packer_s_files_are_formatted(folder: str) -> None:
    done = packer("fmt", "-check", ROOT / folder)
    assert done.returncode == 0, done.stdout


def test_packer_takes_what_it_is_given(tmp_path: Path) -> None:
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps(VARIABLES))
    done = packer("validate", f"-var-file={variables}", ROOT / "packer")
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_may_reach_the_build_host_must_be_said(tmp_path: Path) -> None:
    variables = tmp_path / "variables.json"
    rest = {name: value for name, value in VARIABLES.items() if name != "security_group"}
    variables.write_text(json.dumps(rest))
    done = packer("validate", f"-var-file={variables}", ROOT / "packer")
    assert done.returncode != 0
    assert "security_group" in done.stdout + done.stderr


def test_a_current_packer_is_given_its_own_build_in_place_of_the_common_one() -> None:
    def given(version: tuple[int, int]) -> list[str]:
        files = template_files(ROOT / "packer", version)
        return sorted(str(path.relative_to(ROOT / "packer")) for path in files)

    assert given((1, 6)) == ["build.pkr.hcl", "variables.pkr.hcl", "web.pkr.hcl"]
    assert given((1, 14)) == [
        "modern/build.pkr.hcl",
        "modern/plugins.pkr.hcl",
        "variables.pkr.hcl",
        "web.pkr.hcl",
    ]


def test_both_builds_run_the_same_playbook_in_the_same_way() -> None:
    def steps(name: str) -> str:
        return (ROOT / "packer" / name).read_text().partition("  provisioner ")[2]

    assert steps("build.pkr.hcl") == steps("modern/build.pkr.hcl") != ""
