"""What this machine allows a container to have, found out and not assumed.

Two traps measured on restricted machines: crun refuses hybrid cgroups, and a process without
CAP_SYS_RESOURCE may not raise a limit, so the limits that podman asks for by default are refused.
"""

from __future__ import annotations

import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

CAP_SYS_RESOURCE = 24

# podman 4 caps the processes of its own children at this, whatever the machine allows
# (measured: conmon's limit is 32768 where the shell's is 96365).
PODMAN_PROCESSES = 32768


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about this machine that decide how podman must be called."""

    unified_cgroups: bool
    may_raise_limits: bool
    open_files: int
    processes: int
    runtimes: tuple[str, ...]

    @property
    def runtime(self) -> str | None:
        """The OCI runtime to name, or None to leave podman its own choice.

        >>> Machine(False, True, 1024, 1024, ("crun", "runc")).runtime
        'runc'
        >>> Machine(True, True, 1024, 1024, ("crun",)).runtime is None
        True
        """
        return None if self.unified_cgroups else "runc"

    @property
    def ulimits(self) -> tuple[str, ...]:
        """`--ulimit` values within what the machine allows; none where it may raise them.

        >>> Machine(False, False, 20000, 96365, ("runc",)).ulimits
        ('nofile=20000:20000', 'nproc=32768:32768')
        """
        if self.may_raise_limits:
            return ()
        processes = min(self.processes, PODMAN_PROCESSES)
        return (
            f"nofile={self.open_files}:{self.open_files}",
            f"nproc={processes}:{processes}",
        )

    @classmethod
    def look(cls) -> Machine:
        """Read this machine's facts; needs no rights."""
        effective = next(
            line.split()[1]
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("CapEff")
        )
        return cls(
            unified_cgroups=Path("/sys/fs/cgroup/cgroup.controllers").exists(),
            may_raise_limits=bool(int(effective, 16) >> CAP_SYS_RESOURCE & 1),
            open_files=_hard(resource.RLIMIT_NOFILE),
            processes=_hard(resource.RLIMIT_NPROC),
            runtimes=tuple(name for name in ("crun", "runc") if shutil.which(name)),
        )


def _hard(limit: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return 1048576 if hard == resource.RLIM_INFINITY else hard
