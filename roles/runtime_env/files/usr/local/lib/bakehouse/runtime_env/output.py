"""The file in memory that Laravel reads: complete or not there, and readable to few."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime_env.faults import CannotWrite


@contextmanager
def alone(state: Path) -> "Iterator[None]":
    """One run after the other, so that none puts back what it read before the other wrote."""
    try:
        lock = (state / "runtime-env.lock").open("w")
    except OSError as e:
        raise CannotWrite(f"{state} cannot be written to: {e.strerror}") from e
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(path: Path) -> "str | None":
    """What the file says; None when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as e:
        raise CannotWrite(f"{path} cannot be read back") from e


def write(path: Path, text: str, group: str) -> None:
    """Put the file there in one step, readable to root and `group`.

    Raises CannotWrite; what was there before is then still there.
    """
    fresh = ""
    try:
        for leftover in path.parent.glob(f".{path.name}.*"):  # of a run that was killed
            leftover.unlink()
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.chown(fresh, group=group)
        Path(fresh).chmod(0o640)
        Path(fresh).replace(path)
    except (OSError, LookupError) as e:
        if fresh:
            Path(fresh).unlink(missing_ok=True)
        raise CannotWrite(f"{path} cannot be written: {e}") from e
