"""What the roles' own files tell about them: variables with their reasons, and what they write.

Read from the repository, never from a host. A role's templates mirror the host, so most of it is
in the names; what the mirror cannot say (a version in a path) is in the tasks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bakehouse.roles.readme import specs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WRITING = ("template", "copy", "lineinfile", "replace", "blockinfile", "file", "get_url")
EXPRESSION = re.compile(r"\{\{(.*?)\}\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a user may set. `reason` is what stands above its default."""

    name: str
    type: str
    default: object
    meaning: str
    reason: str


@dataclass(frozen=True, slots=True)
class Write:
    """A task that writes to the host. `paths` may hold `*` for what is known on a host only."""

    task: str
    place: str  # file:line of the task, from the repository's root
    module: str
    paths: tuple[str, ...]
    sources: tuple[str, ...]  # templates and files of the role, may be empty
    text: str = field(repr=False)  # the task, for the variables in it


@dataclass(frozen=True, slots=True)
class Role:
    """A role as its files describe it."""

    name: str
    folder: Path
    variables: Mapping[str, Variable] = field(repr=False)
    internal: Mapping[str, Any] = field(repr=False)  # what the role works out: vars/main.yml
    writes: tuple[Write, ...] = field(repr=False)

    @property
    def sources(self) -> list[Path]:
        """Its templates and files."""
        found = [*self.folder.glob("templates/**/*"), *self.folder.glob("files/**/*")]
        return sorted(p for p in found if p.is_file() and "__pycache__" not in p.parts)


def roles_in(folder: Path) -> list[Role]:
    """All roles below a folder, by name."""
    return [read(path) for path in sorted(folder.iterdir()) if (path / "meta").is_dir()]


def read(folder: Path) -> Role:
    """A role from its files."""
    variables = _variables(folder)
    internal = _load(folder / "vars/main.yml")
    known = {name: each.default for name, each in variables.items()} | internal
    writes = [w for file in sorted(folder.glob("tasks/**/*.yml")) for w in _writes(file, known)]
    return Role(folder.name, folder, variables, internal, tuple(writes))


def reasons(defaults: str) -> dict[str, str]:
    """The comment above each default; defaults in one group share the group's comment.

    >>> reasons("# Fits in memory.\\nweb_workers: 4\\nweb_backlog: 9\\n")
    {'web_workers': 'Fits in memory.', 'web_backlog': 'Fits in memory.'}
    """
    found: dict[str, str] = {}
    comment: list[str] = []
    closed = True
    for line in defaults.splitlines():
        name = re.match(r"(\w+):", line)
        if line.startswith("#"):
            comment = [] if closed else comment
            comment.append(line.lstrip("# "))
            closed = False
        elif name:
            found[name[1]] = " ".join(comment)
            closed = True
        elif not line:
            comment, closed = [], True
    return found


def expanded(text: str, known: Mapping[str, Any]) -> str:
    """A path with what is known put in, and `*` for what only a host knows.

    >>> expanded("{{ __web_etc }}/{{ version }}/web.conf", {"__web_etc": "/etc/web"})
    '/etc/web/*/web.conf'
    """

    def value(expression: re.Match[str]) -> str:
        name = expression[1].strip()
        return expanded(known[name], known) if isinstance(known.get(name), str) else "*"

    return EXPRESSION.sub(value, text)


def _load(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def _variables(folder: Path) -> dict[str, Variable]:
    defaults = folder / "defaults/main.yml"
    why = reasons(defaults.read_text()) if defaults.exists() else {}
    found = {}
    for entry in specs_of(folder).values():
        for name, spec in (entry.get("options") or {}).items():
            said = spec["description"]
            meaning = " ".join(said) if isinstance(said, list) else said
            default = spec.get("default")
            found[name] = Variable(name, spec["type"], default, meaning, why.get(name, ""))
    return found


def _writes(file: Path, known: dict[str, Any]) -> Iterator[Write]:
    text = file.read_text()
    for task in _flat(yaml.safe_load(text) or []):
        for module in WRITING:
            arguments = task.get(f"ansible.builtin.{module}")
            if isinstance(arguments, dict) and arguments.get("state") != "absent":
                line = text[: text.find(f"- name: {task['name']}")].count("\n") + 1
                yield _write(task, arguments, module, f"{_below_root(file)}:{line}", known)


def _write(
    task: dict[str, Any],
    arguments: dict[str, Any],
    module: str,
    place: str,
    known: dict[str, Any],
) -> Write:
    target = str(arguments.get("dest") or arguments.get("path") or "")
    source = str(arguments.get("src") or "") if module in ("template", "copy") else ""
    pairs = [
        (expanded(target, known | each), expanded(source, known | each))
        for each in _items(task, known)
    ]
    paths = tuple(dict.fromkeys(path for path, _ in pairs))
    sources = tuple(dict.fromkeys(source for _, source in pairs if source))
    return Write(task["name"], place, module, paths, sources, yaml.safe_dump(task))


def _items(task: dict[str, Any], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What `item` is in each turn of a task; one empty turn where only a host knows."""
    loop = task.get("loop")
    if isinstance(loop, str):
        loop = known.get(loop.strip("{} "))
    if not isinstance(loop, list):
        return [{}]
    return [
        {f"item.{key}": value for key, value in each.items()}
        if isinstance(each, dict)
        else {"item": each}
        for each in loop
    ]


def _flat(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from _flat(task.get(part, []))


def _below_root(file: Path) -> str:
    return str(Path("roles", *file.parts[file.parts.index("roles") + 1 :]))
