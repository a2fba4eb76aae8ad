"""One hook of this instance's group, as both verbs use it: is it waiting, keep it, let it go on."""

from lifecycle.asg import Scaling
from lifecycle.decide import NEVER
from lifecycle.world import World

# Before the names of an instance's states on its way into a warm pool and out of that.
WARMED = "Warmed:"

# How often a state that is about to change is asked for.
SECONDS = 2.0


class Hook:
    """A hook by its name; the group is found by asking."""

    def __init__(self, world: World, name: str) -> None:
        """Nobody is asked yet."""
        self.name = name
        self._world = world
        self._scaling: Scaling | None = None
        self._group = ""
        self._heard = -NEVER

    @property
    def unheard(self) -> float:
        """Seconds since Auto Scaling last heard of us."""
        return self._world.clock() - self._heard

    def state(self) -> str | None:
        """What Auto Scaling calls this instance's state, in a warm pool as in service.

        None when it does not answer.
        """
        if self._scaling is None:
            self._scaling = self._world.ask(lambda: self._world.scaling(self._world.here))
        place = self._world.ask(self._scaling.place) if self._scaling else None
        if place is None:
            return None
        self._group, state = place
        return state.removeprefix(WARMED)

    def beat(self) -> bool | None:
        """Record a heartbeat. False: nothing waits for us; None: nobody answers."""
        scaling = self._known
        heard = self._world.ask(lambda: scaling.beat(self._group, self.name))
        if heard is not None:
            self._heard = self._world.clock()
        return heard

    def complete(self, result: str, seconds: float) -> bool:
        """Let Auto Scaling go on; False when it did so without us, or `seconds` were not enough."""
        scaling, end = self._known, self._world.clock() + seconds
        while True:
            done = self._world.ask(lambda: scaling.complete(self._group, self.name, result))
            if done is not None or self._world.clock() >= end:
                return bool(done)
            self._world.sleep(SECONDS)

    @property
    def _known(self) -> Scaling:
        if self._scaling is None:
            raise LookupError("the state comes first: it tells the group")
        return self._scaling
