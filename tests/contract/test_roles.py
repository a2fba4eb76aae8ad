"""Every role keeps the same promises: this file is where they are written down."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from bakehouse.roles.readme import filled, specs_of

ROOT = Path(__file__).parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())

# Speaks to AWS about a host and not to the host, so it needs a load balancer: tests/fleet tries it.
ABOUT_AWS = {"drain"}

PLACES = {"etc", "usr", "run", "srv", "var", "opt", "lib"}
PLATFORMS = [{"name": "Debian", "versions": ["trixie", "bookworm"]}]


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


def tasks_in(role: Path, folder: str) -> list[dict[str, Any]]:
    """All tasks of a folder, those of blocks too."""
    waiting = [
        task for path in sorted(role.glob(f"{folder}/**/*.yml")) for task in load(path) or []
    ]
    found = []
    while waiting:
        task = waiting.pop(0)
        found.append(task)
        waiting += [inner for part in ("block", "rescue", "always") for inner in task.get(part, [])]
    return found


def templates_of(role: Path) -> list[Path]:
    return sorted(path for path in (role / "templates").rglob("*") if path.is_file())


def test_defaults_and_argument_specs_tell_the_same_story(role: Path) -> None:
    options: dict[str, Any] = {}
    for entry in specs_of(role).values():
        options |= entry.get("options") or {}
    told = {name: spec["default"] for name, spec in options.items() if "default" in spec}
    assert told == (load(role / "defaults/main.yml") or {})
    untold = {name for name, spec in options.items() if "default" not in spec}
    assert untold == {name for name, spec in options.items() if spec.get("required")}


def test_every_variable_carries_the_role_s_name(role: Path) -> None:
    for path in [*role.glob("defaults/*.yml"), *role.glob("vars/*.yml")]:
        prefix = f"{role.name}_" if path.parent.name == "defaults" else f"__{role.name}_"
        for name in load(path) or {}:
            assert name.startswith(prefix), f"{path}: {name}"


def test_every_registered_variable_carries_the_role_s_name(role: Path) -> None:
    for task in [*tasks_in(role, "tasks"), *tasks_in(role, "handlers")]:
        name = task.get("register", f"__{role.name}_")
        assert name.startswith(f"__{role.name}_"), task["name"]


def test_no_role_knows_another_role_s_variables(role: Path) -> None:
    others = "|".join(other.name for other in ROLES if other != role)
    for path in role.rglob("*"):
        if path.suffix not in (".yml", ".j2"):
            continue
        code = re.sub(r"#.*", "", path.read_text())
        assert not re.findall(rf"\b(?:__)?(?:{others})_[a-z_]+\b(?=[^'\"]*}}}})", code), path


def test_every_default_says_why(role: Path) -> None:
    defaults = role / "defaults/main.yml"
    lines = defaults.read_text().splitlines() if defaults.exists() else []
    for above, line in pairwise(lines):
        if line[:1].isalpha():  # or it stands in a group under one comment
            assert above[:1] == "#" or above[:1].isalpha(), f"{role.name}: no comment above {line}"


def test_the_tasks_open_with_a_table_of_contents(role: Path) -> None:
    for task in load(role / "tasks/main.yml") or []:
        assert {"ansible.builtin.import_tasks", "ansible.builtin.include_tasks"} & set(task)


def test_every_task_has_a_name_that_reads_as_an_order(role: Path) -> None:
    for task in [*tasks_in(role, "tasks"), *tasks_in(role, "handlers")]:
        assert re.fullmatch(r"[A-Z].*[^.]", task["name"]), task["name"]


def test_every_command_says_when_it_changed_something(role: Path) -> None:
    for task in [*tasks_in(role, "tasks"), *tasks_in(role, "handlers")]:
        command = task.get("ansible.builtin.command")
        if command:
            said = {
                **task,
                **task.get("args", {}),
                **(command if isinstance(command, dict) else {}),
            }
            assert {"changed_when", "creates", "removes"} & set(said), task["name"]


def test_no_task_needs_a_shell(role: Path) -> None:
    for task in [*tasks_in(role, "tasks"), *tasks_in(role, "handlers")]:
        assert "ansible.builtin.shell" not in task, task["name"]


@pytest.mark.parametrize("service", ["nginx", "PHP-FPM"])
def test_a_check_stands_before_every_reload_and_restart(role: Path, service: str) -> None:
    names = [task["name"] for task in tasks_in(role, "handlers")]
    for topic in (f"Reload {service}", f"Restart {service}"):
        if topic not in names:
            continue
        before = tasks_in(role, "handlers")[: names.index(topic)]
        checks = [task for task in before if task["name"].startswith("Check ")]
        assert any(topic in listens(task) for task in checks), f"{topic} without a check before it"


def listens(task: dict[str, Any]) -> list[str]:
    topics = task.get("listen", [])
    return [topics] if isinstance(topics, str) else topics


def test_everything_that_is_notified_is_handled(role: Path) -> None:
    handled = {
        topic for task in tasks_in(role, "handlers") for topic in [task["name"], *listens(task)]
    }
    for task in tasks_in(role, "tasks"):
        notified = task.get("notify", [])
        for topic in [notified] if isinstance(notified, str) else notified:
            shared = topic.endswith((" nginx", " PHP-FPM"))  # topics of all roles
            assert topic in handled or shared, f"{task['name']}: nobody answers to {topic}"


def test_every_template_says_who_wrote_the_file(role: Path) -> None:
    """But JSON, which has no comments."""
    for path in (path for path in templates_of(role) if not path.name.endswith(".json.j2")):
        first, second = [*path.read_text().splitlines(), "", ""][:2]
        opening = second if first.startswith("#!") else first
        assert "ansible_managed" in opening, path


def test_a_template_s_path_tells_where_it_lands(role: Path) -> None:
    folders = [folder for folder in ("templates", "files") if (role / folder).exists()]
    for folder in folders:
        for path in (path for path in (role / folder).rglob("*") if path.is_file()):
            place = path.relative_to(role / folder)
            assert place.parts[0] in PLACES, path
    for task in tasks_in(role, "tasks"):
        written = task.get("ansible.builtin.template") or task.get("ansible.builtin.copy") or {}
        source, landing = written.get("src", ""), written.get("dest", "")
        if source and "{{" not in source and "{{" not in Path(landing).name:
            same = Path(source).name.removesuffix(".j2") == Path(landing).name
            assert same or landing.endswith("/"), f"{task['name']}: {source} becomes {landing}"


def test_every_template_is_used(role: Path) -> None:
    text = "\n".join(path.read_text() for path in role.glob("tasks/**/*.yml"))
    for path in templates_of(role):
        name = str(path.relative_to(role / "templates"))
        shown_by_folder = any(f"{parent}/" in text for parent in Path(name).parents if parent.name)
        assert name in text or shown_by_folder, path


def test_the_readme_has_a_table_of_variables_no_older_than_the_role(role: Path) -> None:
    readme = (role / "README.md").read_text()
    assert readme == filled(readme, specs_of(role)), "try: python -m bakehouse.roles.readme roles/*"


def test_the_readme_says_how_to_use_the_role_and_how_to_see_that_it_works(role: Path) -> None:
    headings = re.findall(r"^## (.*)$", (role / "README.md").read_text(), flags=re.MULTILINE)
    for heading in ("Use", "See that it works", "What it leaves alone"):
        assert heading in headings, f"{role.name}: no {heading} in {headings}"


def test_the_role_s_own_page_names_its_platforms_and_licence(role: Path) -> None:
    page = load(role / "meta/main.yml")
    assert page["galaxy_info"].get("platforms") == (None if role.name in ABOUT_AWS else PLATFORMS)
    assert page["galaxy_info"]["license"] == "Apache-2.0"
    assert page["dependencies"] == []


def test_the_role_is_tried_on_real_hosts(role: Path) -> None:
    if role.name in ABOUT_AWS:
        pytest.skip("changes nothing on a host")
    scenario = ROOT / "molecule" / role.name
    assert (scenario / "molecule.yml").exists()
    assert (scenario / "converge.yml").exists()
    assert (ROOT / "tests/host" / f"test_{role.name}.py").exists()


def test_every_test_of_a_host_says_how_to_break_what_it_guards() -> None:
    for path in sorted((ROOT / "tests/host").glob("test_*.py")):
        for name, body in re.findall(
            r"^def (test_\w+)\(.*?\n    (.*?)\n\n\n", path.read_text() + "\n\n\n", re.M | re.S
        ):
            assert "Break:" in body, f"{path.name}: {name}"
