"""The file in memory that Laravel reads: complete or not there, and readable to few."""

import os
import shutil
import tempfile
from pathlib import Path

from runtime_env.faults import CannotWrite


def differs(path: Path, text: str) -> bool:
    """Whether the file is missing or says something else."""
    try:
        return path.read_text(encoding="utf-8") != text
    except FileNotFoundError:
        return True
    except (OSError, UnicodeDecodeError) as e:
        raise CannotWrite(f"{path} cannot be read back") from e


def write(path: Path, text: str, group: str) -> None:
    """Put the file there in one step, readable to root and `group`.

    Raises CannotWrite; what was there before is then still there.
    """
    fresh = ""
    try:
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
