"""Why a file on a host is as it is: which role and template made it, with which variables, and why.

Pure: given what the roles' files say (`bakehouse.roles.sources`), it answers without a host.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bakehouse.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bakehouse.roles.sources import Role, Variable, Write

UNITS = ("service", "timer", "socket", "mount", "target", "path")
UNIT_FOLDER = "/etc/systemd/system"


class Unexplained(Trouble):
    """No role writes this."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What made one file. `source` is empty when a task holds the content itself."""

    path: str
    role: str
    source: str
    tasks: tuple[tuple[str, str], ...]  # a task's name, and where it is
    variables: tuple[Variable, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        named = [{"task": name, "place": place} for name, place in self.tasks]
        return asdict(self) | {"tasks": named}


def explain(asked: str, roles: Sequence[Role]) -> list[Explanation]:
    """What made a path, or a unit's files when `asked` is a unit's name. Raises Unexplained."""
    found = [
        explanation
        for path in paths_of(asked, roles)
        for role in roles
        if (explanation := _explanation(path, role))
    ]
    if not found:
        raise Unexplained(
            f"No role of ours writes {asked}.{_nearest(asked, roles)}", "scripts/explain --list"
        )
    return found


def paths_of(asked: str, roles: Sequence[Role]) -> list[str]:
    """The paths that a question is about: itself, or a unit's file and drop-ins.

    >>> paths_of("/etc/motd", [])
    ['/etc/motd']
    >>> paths_of("nginx", [])
    ['/etc/systemd/system/nginx.service']
    """
    if asked.startswith("/"):
        return [str(PurePosixPath(asked))]
    unit = asked if asked.rpartition(".")[2] in UNITS else f"{asked}.service"
    folder = f"{UNIT_FOLDER}/{unit}.d/"
    drop_ins = {path for path in everything(roles) if _same(path, f"{folder}{Path(path).name}")}
    return [f"{UNIT_FOLDER}/{unit}", *(f"{folder}{Path(path).name}" for path in sorted(drop_ins))]


def everything(roles: Sequence[Role]) -> list[str]:
    """All paths that roles write, `*` standing for what only a host knows."""
    found = {landing(source, role) for role in roles for source in role.sources}
    found |= {path for role in roles for write in role.writes for path in write.paths}
    return sorted(path for path in found if path.startswith("/"))


def landing(source: Path, role: Role) -> str:
    """Where a template or file lands: its task says so, or else its own path does."""
    name = str(
        source.relative_to(role.folder).relative_to(source.relative_to(role.folder).parts[0])
    )
    for write in role.writes:
        if name in write.sources and len(write.paths) == len(write.sources):
            path = write.paths[write.sources.index(name)]
            return f"{path}{source.name.removesuffix('.j2')}" if path.endswith("/") else path
    return f"/{name.removesuffix('.j2')}"


def _explanation(path: str, role: Role) -> Explanation | None:
    source = next((s for s in role.sources if _same(landing(s, role), path)), None)
    writes = [write for write in role.writes if _writes(write, path, source, role)]
    if not source and not writes:
        return None
    text = source.read_text(errors="replace") if source else ""
    used = _used(text + "".join(write.text for write in writes), role)
    tasks = tuple((write.task, write.place) for write in writes)
    place = str(Path("roles", role.name, source.relative_to(role.folder))) if source else ""
    return Explanation(path, role.name, place, tasks, tuple(used))


def _writes(write: Write, path: str, source: Path | None, role: Role) -> bool:
    if source and str(source.relative_to(role.folder)).partition("/")[2] in write.sources:
        return True
    return any(_same(pattern, path) for pattern in write.paths if pattern.strip("/*"))


def _same(pattern: str, path: str) -> bool:
    """Whether a pattern of ours is this path; of a template unit, any instance is.

    >>> _same("/etc/php/*/fpm/php.ini", "/etc/php/8.4/fpm/php.ini")
    True
    >>> _same("/etc/systemd/system/work@.service", "/etc/systemd/system/work@3.service")
    True
    """
    plain = re.sub(r"@[^./*]+(?=\.)", "@", path)
    return any(
        fnmatchcase(each, pattern) and each.count("/") == pattern.count("/")
        for each in (path, plain)
    )


def _used(text: str, role: Role) -> Iterator[Variable]:
    """The variables that a text leads to, those behind the role's own internal ones too."""
    waiting = re.findall(rf"\b(?:__)?{role.name}_\w+", text)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in role.variables:
            yield role.variables[name]
        waiting += re.findall(rf"\b(?:__)?{role.name}_\w+", str(role.internal.get(name, "")))


def _nearest(asked: str, roles: Sequence[Role]) -> str:
    known = everything(roles)
    inside = [path for path in known if path.startswith(f"{asked.rstrip('/')}/")]
    same_name = [path for path in known if Path(path).name == Path(asked).name]
    near = inside or same_name or get_close_matches(asked, known, n=4, cutoff=0.6)
    listed = "".join(f"\n  {path}" for path in near[:8])
    return f" Nearest:{listed}" if near else ""
