"""The files of a working tree that decide what an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.images import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def files_that_decide(root: Path, inventory: Path) -> dict[str, bytes]:
    """Every file that can change an image, by its path from `root`; group_vars by theirs."""
    found: dict[str, bytes] = {}
    for folder in identity.FOLDERS:
        found.update(_read(root / folder, folder))
    for name in identity.FILES:
        if (root / name).is_file():
            found[name] = (root / name).read_bytes()
    plugins = [data for name, data in found.items() if _is_plugin(name)]
    return found | _imported(root, plugins) | dict(_read(inventory / "group_vars", "group_vars"))


def _is_plugin(name: str) -> bool:
    return name.startswith("ansible/plugins/") and name.endswith(".py")


def _imported(root: Path, sources: list[bytes]) -> dict[str, bytes]:
    """The modules of ours that `sources` import, and what those import in turn."""
    found: dict[str, bytes] = {}
    waiting = [name for source in sources for name in identity.imports(source)]
    while waiting:
        module = "src/" + waiting.pop().replace(".", "/")
        for name in (f"{module}.py", f"{module}/__init__.py"):
            if name not in found and (root / name).is_file():
                found[name] = (root / name).read_bytes()
                waiting += identity.imports(found[name])
    return found


def _read(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{name}/{path.relative_to(folder)}", path.read_bytes()
