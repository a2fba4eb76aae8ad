"""Those who go on with the environment that they have read, until they are told.

PHP-FPM holds Laravel's compiled configuration in OPcache and does not look at the file again: it
is asked to forget that entry, so that the next request reads the new one and no worker process
ends. Queue workers read once, so this host's are restarted, each when its job is done.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime_env import fastcgi
from runtime_env.faults import FollowersNotTold

SCRIPT = Path(__file__).parents[1] / "opcache-forget.php"
ANSWER_SECONDS = 10.0  # all of PHP-FPM's processes may be busy

Run = Callable[[Sequence[str]], int]


def run(command: Sequence[str]) -> int:
    """Run a command of systemd's, which is back at once."""
    return subprocess.run(command, check=False, timeout=20).returncode


class Followers:
    """PHP-FPM and the workers of this host, and whether they know what is in the file now."""

    def __init__(
        self,
        output: Path,
        state: Path,
        sockets: Sequence[str],
        compiled: str,
        units: Sequence[str],
        run: Run,
    ) -> None:
        """`compiled` is a pattern of files; `state` the folder where we note who was told."""
        self._output = output
        self._told = state / "runtime-env.told"
        self._sockets = [Path(each) for each in sockets]
        self._compiled = compiled
        self._units = units
        self._run = run

    def know(self) -> bool:
        """Whether they were told since the file was last written."""
        return self._told.exists() and self._told.read_text() == self._version()

    def tell(self, workers: bool) -> None:
        """Tell PHP-FPM, and the workers if `workers`. Raises FollowersNotTold; then they are told
        again by the next run.
        """
        for socket in filter(Path.exists, self._sockets):
            self._forget(socket)
        if workers and self._units:
            command = ["systemctl", "try-restart", "--no-block", *self._units]
            if self._run(command) != 0:
                raise FollowersNotTold(f"{' '.join(command)} failed")
        self._told.write_text(self._version())

    def _forget(self, socket: Path) -> None:
        try:
            said = fastcgi.ask(str(socket), str(SCRIPT), {"FORGET": self._compiled}, ANSWER_SECONDS)
            done = json.loads(said)["forgotten"]
        except ConnectionRefusedError:
            return  # the socket of a PHP-FPM that is no more; the next one reads anew
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise FollowersNotTold(
                f"PHP-FPM at {socket} goes on with the values before ({type(e).__name__})"
            ) from e
        if not done:
            raise FollowersNotTold(f"PHP-FPM at {socket} may not forget what it compiled")

    def _version(self) -> str:
        """Which writing of the file this is; each has its own inode and time."""
        about = self._output.stat()
        return f"{about.st_ino} {about.st_mtime_ns}\n"
