"""Hears packer on behalf of a person and of the run's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse.baking.packer import lines_of

if TYPE_CHECKING:
    from bakehouse.baking.bake import Run
    from bakehouse.baking.packer import Event
    from bakehouse.progress import Progress


class Listener:
    """Hears packer: keeps the whole story in a log, and tells the parts that matter."""

    def __init__(self, run: Run, progress: Progress) -> None:
        """Write to the run's folder."""
        self._progress = progress
        self._log = (run.folder / "packer.log").open("a", buffering=1)

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        for line in lines_of(event):
            self._log.write(line + "\n")
            self._tell(event.data[0], line)

    # What packer says after the work is done, and scripts/bake says better.
    _CLOSING = ("Build ", "Wait completed", "Builds finished", "-->", "AMIs were created")

    _AT_WORK = ("TASK [", "RUNNING HANDLER [")

    def _tell(self, tone: str, line: str) -> None:
        if line.startswith("Executing Ansible"):
            self._progress.now("Running the playbook")
        elif line.startswith(self._CLOSING):
            return
        elif tone == "say":
            self._progress.now(line.rstrip(".:"))
        elif line.startswith(self._AT_WORK) and "Validating arguments" not in line:
            self._progress.detail(line.partition("[")[2].partition("]")[0])
        elif tone == "error":
            self._progress.say(line)
