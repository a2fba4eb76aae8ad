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


@dataclass(frozen=True)
class Wanted:
    """The settings of this end."""

    hook: str
    health: str  # a path
    seconds: float  # the longest that it may take
    paths: Sequence[str]
    times: int


def arrive(world: World, site: Site, wanted: Wanted) -> int:
    """Answer the launch hook, if one waits; the exit status."""
    return _Arrival(world, site, wanted).run() if _comes(world) else 0


def _comes(world: World) -> bool:
    """Whether Auto Scaling takes this instance into service, or into a warm pool beforehand.

    Most hosts of no group end here.
    """
    end = world.clock() + GROUP_SECONDS
    while not (target := world.ask(world.here.target)):
        if world.clock() >= end:
            return False
        world.sleep(SECONDS)
    return target == "InService" or target.startswith(WARMED)


class _Arrival(End):
    def __init__(self, world: World, site: Site, wanted: Wanted) -> None:
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
