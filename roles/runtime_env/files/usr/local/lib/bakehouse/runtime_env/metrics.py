"""How old the environment is, for those who watch: a line for each figure, its name and value."""

from pathlib import Path

LAST_SUCCESS = "runtime_env_last_success_seconds"
STALE = "runtime_env_stale"
FAULT = "runtime_env_fault_status"


def write(folder: Path, status: int, now: float) -> None:
    """Note how a run ended: `status` is 0 or a fault's. Silent when it cannot be noted.

    The last success (seconds of the epoch, 0 for never) outlives the faults after it.
    """
    path = folder / "runtime_env.prom"
    last = now if status == 0 else last_success(path)
    lines = [f"{LAST_SUCCESS} {last:.0f}", f"{STALE} {int(status != 0)}", f"{FAULT} {status}"]
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text("\n".join(lines) + "\n")
        fresh.chmod(0o644)
        fresh.replace(path)
    except OSError:
        return  # a full disk must not look like a missing secret


def last_success(path: Path) -> float:
    """When a run last went well, by the file; 0 when it says nothing."""
    try:
        figures = dict(line.split() for line in path.read_text().splitlines())
        return float(figures[LAST_SUCCESS])
    except (OSError, KeyError, ValueError):
        return 0.0
