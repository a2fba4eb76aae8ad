"""One SSH session for all that a run asks of a host.

testinfra's own way takes a process of ssh, one of sshd, a login by PAM and a sudo for each command,
which costs more than most of the answers.
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from typing import Any

from testinfra.backend import base, ssh

# Runs on the host: a command on each line in, what came of it on each line out. A command that a
# signal ended has the status that a shell would give it.
ANSWER = """
import base64, json, subprocess, sys
for line in sys.stdin:
    command = ["/bin/sh", "-c", json.loads(line)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    said = [base64.b64encode(text).decode() for text in (done.stdout, done.stderr)]
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    print(json.dumps([status, *said]), flush=True)
"""

Asked = tuple[bool, str | None]


class OneSession(ssh.SshBackend):  # type: ignore[misc]  # testinfra ships no types
    """What `--hosts=ssh://...` means for tests/host: as testinfra's, but logged in once.

    Raises RuntimeError when the session ends before the host has answered; what ssh said of it is
    on standard error.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A connection that outlived the session would hold on to our standard error.
        self.ssh_extra_args = "-o ControlMaster=no -o ControlPath=none"
        self._open: dict[Asked, subprocess.Popen[bytes]] = {}

    def run(self, command: str, *args: str, **_: Any) -> base.CommandResult:
        """Have the host's shell run a command, and wait for its end."""
        asked = self.quote(command, *args)
        session = self._session()
        assert session.stdin
        assert session.stdout
        try:
            session.stdin.write(json.dumps(asked).encode() + b"\n")
            session.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and so has its answer
        answer = session.stdout.readline()
        if not answer.endswith(b"\n"):
            status = session.wait()
            raise RuntimeError(f"The session with {self.hostname} ended, status {status}: {asked}")
        status, *said = json.loads(answer)
        return self.result(status, asked.encode(), *(base64.b64decode(text) for text in said))

    def _session(self) -> subprocess.Popen[bytes]:
        """The session of whom commands now run as."""
        whose = (self.sudo, self.sudo_user)
        if whose not in self._open:
            words, values = self._build_ssh_command(self.get_command("python3 -c %s", ANSWER))
            command = shlex.split(self.quote(" ".join(words), *values))
            self._open[whose] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._open[whose]
