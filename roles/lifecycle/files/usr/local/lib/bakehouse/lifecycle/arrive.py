"""Hold the instance's registration until its pages answer and are warm."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lifecycle import decide
from lifecycle.decide import Arriving, Beat, Complete, Look, Step, Warm
from lifecycle.end import End
from lifecycle.hook import SECONDS, WARMED, Hook
from lifecycle.site import Site
from lifecycle.world import World

# Between two questions to the site that is starting.
SITE_SECONDS = 0.25

# An instance is known to its group from its first moment; the metadata may learn of it later.
GROUP_SECONDS = 30.0

ABANDONED = 3

IN_SERVICE = "InService"

# What the states are called in which an instance lies in a warm pool.
RESTS = ("Running", "Stopped", "Hibernated")


@dataclass(frozen=True)
class Wanted:
    """The settings of this end."""

    hook: str
    health: str  # a path
    seconds: float  # the longest that it may take
    paths: Sequence[str]
    times: int
    poll: float  # seconds between two looks into the metadata, while it lies in a warm pool


def arrive(world: World, site: Site, wanted: Wanted) -> int:
    """Answer the launch hook, if one waits; the exit status.

    An instance of a warm pool passes it twice. One that is stopped there starts this anew when it
    boots; one that runs, or sleeps, is waited with until it is taken, for no boot tells of it.
    """
    target, rested = _target(world), False
    if target.startswith(WARMED):
        if status := _Arrival(world, site, wanted).run():
            return status
        target, rested = _taken(world, wanted.poll), True
    return _Arrival(world, site, wanted, rested=rested).run() if target == IN_SERVICE else 0


def _target(world: World) -> str:
    """Where Auto Scaling takes this instance; empty for one of no group, and most end here."""
    end = world.clock() + GROUP_SECONDS
    while not (target := world.ask(world.here.target)):
        if world.clock() >= end:
            return ""
        world.sleep(SECONDS)
    return target


def _taken(world: World, poll: float) -> str:
    """Where it is taken from its warm pool."""
    while (target := world.ask(world.here.target) or WARMED).startswith(WARMED):
        world.sleep(poll)
    return target


class _Arrival(End):
    def __init__(self, world: World, site: Site, wanted: Wanted, *, rested: bool = False) -> None:
        self._rested = rested
        self._world, self._site, self._wanted = world, site, wanted
        self._hook = Hook(world, wanted.hook)
        self._began = world.clock()
        self._seen = Arriving(state="Pending", trouble="nobody asked it")

    def _decide(self) -> Step:
        self._look()
        return decide.arrive(self._seen, self._wanted.seconds)

    def _look(self) -> None:
        state, trouble = self._seen.state, self._seen.trouble
        if state == "Pending":
            state = self._hook.state() or state
            # The metadata may know before the group says so.
            state = "Pending" if self._rested and state in RESTS else state
        elif trouble:
            trouble = self._site.trouble(self._wanted.health)
        self._seen = replace(
            self._seen,
            state=state,
            trouble=trouble,
            unheard=self._hook.unheard,
            seconds=self._world.clock() - self._began,
        )

    def _do(self, step: Step) -> None:
        if isinstance(step, Beat):
            heard = self._hook.beat()
            self._seen = replace(self._seen, refused=heard is False)
            if heard is None:
                self._world.sleep(SECONDS)
        elif isinstance(step, Warm):
            self._warm()
        elif isinstance(step, Look):
            pending = self._seen.state == "Pending"
            self._world.sleep(SECONDS if pending else SITE_SECONDS)

    def _warm(self) -> None:
        said = self._site.warm(self._wanted.paths, self._wanted.times)
        self._world.say(f"Asked for {' and '.join(self._wanted.paths)}: {said}")
        self._seen = replace(self._seen, warm=True)

    def _complete(self, step: Complete) -> int:
        done = self._hook.complete(step.result, self._wanted.seconds)
        took = f"{self._seen.seconds:.0f} s"
        late = "" if done else f" It comes too late: {self._hook.name} does not wait any more."
        if step.result == "CONTINUE":
            self._world.say(f"CONTINUE: ready and warm after {took}.{late}")
            return 0
        self._world.say(
            f"ABANDON: not ready after {took}: {step.reason}.{late} Next: journalctl -b -p warning"
        )
        return ABANDONED
