"""What a unit's sandbox really is: asked of the kernel, about processes that run, and by trying.

`systemd-analyze security` reads a unit's settings only. In a host that may not make mount
namespaces it still prints the good score, and nothing is enforced; so a test asks for the effect,
and the score comes last.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testinfra.backend.base import CommandResult
    from testinfra.host import Host

# Run on the host: the unit's main process and all that it started, as the kernel knows them.
LOOK = """
import json, os, sys
KINDS = ("mnt", "user", "net", "ipc", "uts")
def status(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.rstrip("\\n").split(":\\t", 1) for line in lines if ":\\t" in line)
def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")
everybody = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        everybody[pid] = status(pid)
    except (FileNotFoundError, ProcessLookupError):
        pass
ours = [sys.argv[1]]
for pid in ours:
    ours += [other for other, its in everybody.items() if its["PPid"] == pid]
print(json.dumps([{
    "pid": int(pid),
    "name": everybody[pid]["Name"],
    "uid": int(everybody[pid]["Uid"].split()[1]),
    "own": [kind for kind in KINDS if namespace(pid, kind) != namespace(1, kind)],
    "may": int(everybody[pid]["CapEff"], 16),
    "may_ever": int(everybody[pid]["CapBnd"], 16),
    "no_new_privileges": everybody[pid]["NoNewPrivs"] == "1",
    "filtered": everybody[pid]["Seccomp"] == "2",
} for pid in ours if pid in everybody]))
"""

# Run on the host: a command as the unit's twin, which has all of the unit's settings and a command
# of its own. What it said comes back on one line; nothing of the twin is left.
TWIN = """
import json, os, subprocess, sys
unit, command = sys.argv[1:]
def systemctl(*words):
    return subprocess.run(["systemctl", *words], capture_output=True, text=True)
stem, at, instance = unit.removesuffix(".service").partition("@")
name = f"{stem}-twin-{os.getpid()}{at}"  # never seen before, so systemd reads it without a reload
twin, path = f"{name}{instance}.service", f"/run/systemd/system/{name}.service"
said = f"/run/{twin}.said"
kept, section = [], ""
for line in systemctl("cat", unit).stdout.splitlines():
    section = line if line.startswith("[") else section
    if section == "[Service]" and not line.startswith("BusName="):
        kept.append(line)
kept += ["Type=oneshot", "Restart=no", "RemainAfterExit=no", "WatchdogSec=0", "PIDFile="]
kept += ["RuntimeDirectoryPreserve=yes", "TimeoutStartSec=60", "StandardInput=null"]
kept += ["Slice=system.slice", f"StandardOutput=file:{said}", f"StandardError=file:{said}"]
for when in ("Condition", "StartPre", "Start", "StartPost", "Reload", "Stop", "StopPost"):
    kept.append(f"Exec{when}=")
quoted = json.dumps(command, ensure_ascii=False).replace("$", "$$").replace("%", "%%")
kept.append(f"ExecStart=/bin/sh -c {quoted}")
os.makedirs("/run/systemd/system", exist_ok=True)
with open(path, "w") as file:
    file.write("\\n".join(kept))
try:
    # A mount that goes while systemd copies those that it found ends a start with 226: seen once
    # on a host that had just booted, in none of 240 starts side by side. A second is no accident.
    for attempt in range(2):
        started = systemctl("start", twin)
        status = int(systemctl("show", "-P", "ExecMainStatus", twin).stdout.strip() or 200)
        if status != 226:
            break
    text = open(said).read() if os.path.exists(said) else started.stderr
    if status >= 200:
        words = ["journalctl", "--boot", "--lines=5", "--output=cat", f"--unit={twin}"]
        text += subprocess.run(words, capture_output=True, text=True).stdout
    print(json.dumps([status, text]))
finally:
    os.unlink(path)
    systemctl("reset-failed", twin)
    if os.path.exists(said):
        os.unlink(said)
"""

# Statuses with which systemd says that it could not even start a command (systemd.exec(5)).
NOT_STARTED = range(200, 246)


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a unit, as /proc tells it."""

    pid: int
    name: str
    uid: int
    own: tuple[str, ...]  # namespaces that are not PID 1's: mnt, user, net, ipc, uts
    may: int  # CapEff: what it may do now
    may_ever: int  # CapBnd: what it or a child may ever do
    no_new_privileges: bool
    filtered: bool  # its system calls are


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a command ended that was tried with a unit's rights. `text` is all that it said."""

    status: int
    text: str

    @property
    def refused(self) -> bool:
        return self.status != 0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A unit of a host, and what it may not do."""

    host: Host
    unit: str

    @property
    def processes(self) -> list[Process]:
        """The main process first, then its workers. The unit must run."""
        pid = self.host.check_output("systemctl show -P MainPID %s", self.unit)
        assert pid != "0", f"{self.unit} does not run; look at: journalctl -u {self.unit}"
        found = json.loads(self.host.check_output("python3 -c %s %s", LOOK, pid))
        return [Process(**each | {"own": tuple(each["own"])}) for each in found]

    @property
    def exposure(self) -> float:
        """What `systemd-analyze security` makes of the unit's settings: 0 is best, 10 worst."""
        said = self.host.check_output("systemd-analyze security --no-pager %s", self.unit)
        found = re.search(r"exposure level for \S+: ([\d.]+)", said)
        assert found, said
        return float(found[1])

    def tries(self, command: str) -> Attempt:
        """What comes of a shell command that has all of the unit's settings, and so its rights.

        It runs as the unit's twin, so the unit need not run (a timer's service does not).
        """
        said = self.host.check_output("python3 -c %s %s %s", TWIN, self.unit, command)
        attempt = Attempt(*json.loads(said))
        assert attempt.status not in NOT_STARTED, f"a twin of {self.unit} cannot start: {attempt}"
        return attempt

    def tries_each(self, commands: Sequence[str]) -> dict[str, bool]:
        """Which of these commands succeed with the unit's rights; one twin tries them all."""
        lines = [f"( {command}\n) >/dev/null 2>&1 </dev/null; echo $?" for command in commands]
        said = self.tries("\n".join(lines)).text.split()
        assert len(said) == len(commands), said
        return {command: status == "0" for command, status in zip(commands, said, strict=True)}

    def sees(self, command: str) -> CommandResult:
        """What a command of root sees in the mounts and network of the process that runs now."""
        pid = str(self.processes[0].pid)
        return self.host.run("nsenter --target %s --mount --net -- sh -c %s", pid, command)
