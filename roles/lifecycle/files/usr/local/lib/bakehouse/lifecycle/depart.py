"""Let queue workers end their jobs before the instance ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lifecycle import decide
from lifecycle.decide import Beat, Complete, Departing, Kill, Look, Step, Stop
from lifecycle.end import End
from lifecycle.hook import SECONDS, Hook
from lifecycle.units import Units
from lifecycle.world import World

# Between two questions to systemd whether all have ended: an instance that goes is waited for.
UNITS_SECONDS = 0.5

# How long Auto Scaling is told that it may go on, when it does not answer.
COMPLETE_SECONDS = 600.0


@dataclass(frozen=True)
class Wanted:
    """The settings of this end."""

    hook: str
    poll: float  # seconds between two looks into the metadata
    seconds: float  # the longest that units may take


def depart(world: World, units: Units, wanted: Wanted) -> int:
    """Wait until Auto Scaling ends this instance, and answer its hook; the exit status."""
    while world.ask(world.here.target) != "Terminated":
        world.sleep(wanted.poll)
    return _Departure(world, units, wanted).run()


class _Departure(End):
    def __init__(self, world: World, units: Units, wanted: Wanted) -> None:
        self._world, self._units, self._wanted = world, units, wanted
        self._hook = Hook(world, wanted.hook)
        self._told = 0.0
        self._seen = Departing(state="Terminating")

    def _decide(self) -> Step:
        self._look()
        return decide.depart(self._seen, self._wanted.seconds)

    def _look(self) -> None:
        state = self._seen.state
        if state == "Terminating":
            state = self._hook.state() or state
        self._seen = replace(
            self._seen,
            state=state,
            running=tuple(self._units.running()) if self._seen.stopped else (),
            unheard=self._hook.unheard,
            seconds=self._world.clock() - self._told,
        )

    def _do(self, step: Step) -> None:
        if isinstance(step, Beat):
            self._beat()
        elif isinstance(step, Stop):
            self._stop()
        elif isinstance(step, Kill):
            self._kill(step.units)
        elif isinstance(step, Look):
            self._world.sleep(UNITS_SECONDS if self._seen.stopped else SECONDS)

    def _beat(self) -> None:
        """Who has begun goes on, whatever is answered: jobs are to end, hook or no hook."""
        heard = self._hook.beat()
        self._seen = replace(self._seen, refused=heard is False and not self._seen.stopped)
        if heard is None:
            self._world.sleep(SECONDS)

    def _stop(self) -> None:
        names = self._units.stop()
        self._told = self._world.clock()
        self._seen = replace(self._seen, stopped=True)
        self._world.say(f"This instance ends. Stopping: {', '.join(names) or 'nothing runs'}")

    def _kill(self, names: Sequence[str]) -> None:
        after = f"{self._seen.seconds:.0f} s"
        self._world.say(f"Killed after {after}, with the job they had: {', '.join(names)}")
        self._units.kill(names)
        self._seen = replace(self._seen, killed=True)

    def _complete(self, step: Complete) -> int:
        if broken := self._units.broken():
            self._world.say(f"Did not end by themselves: {', '.join(broken)}")
        done = self._hook.complete(step.result, COMPLETE_SECONDS)
        late = "" if done else f" {self._hook.name} does not wait any more."
        self._world.say(f"{step.result}: all ended after {self._seen.seconds:.0f} s.{late}")
        return 0
