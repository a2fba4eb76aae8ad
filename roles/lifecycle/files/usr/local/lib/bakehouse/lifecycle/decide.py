"""What to do next at each end of an instance's life: from what is seen to one step. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

# A hook's heartbeat timeout is 30 seconds at least: two may be lost.
BEAT_SECONDS = 10

# After a kill systemd needs a moment to see that a unit has ended; then nobody is waited for.
KILL_SECONDS = 10

NEVER = float("inf")


@dataclass(frozen=True)
class Leave:
    """There is nothing to do here, or nothing more."""


@dataclass(frozen=True)
class Look:
    """Nothing now; look again."""


@dataclass(frozen=True)
class Beat:
    """Tell Auto Scaling that we are at work: its timeout begins anew."""


@dataclass(frozen=True)
class Warm:
    """Ask for the pages that visitors will ask for."""


@dataclass(frozen=True)
class Stop:
    """Have systemd stop the units, and do not wait."""


@dataclass(frozen=True)
class Kill:
    """End units that did not end in time."""

    units: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Complete:
    """Let Auto Scaling go on, with this result."""

    result: str  # CONTINUE | ABANDON
    reason: str = ""


Step = Leave | Look | Beat | Warm | Stop | Kill | Complete


@dataclass(frozen=True)
class Arriving:
    """What is seen of an instance that comes. Times are seconds."""

    state: str = ""  # what Auto Scaling calls it; empty outside a group
    refused: bool = False  # nothing waits under our hook's name
    unheard: float = NEVER  # since our last heartbeat
    trouble: str = ""  # why the site does not answer; empty when it does
    warm: bool = False
    seconds: float = 0  # since we began


def arrive(seen: Arriving, limit: float) -> Step:
    """The next step of an instance that comes.

    Never says CONTINUE before the site has answered and is warm, and never holds up an instance
    that no hook of ours waits for.
    """
    if seen.refused or not seen.state.startswith("Pending"):
        return Leave()
    if seen.state != "Pending:Wait":
        return Look() if seen.seconds < limit else Leave()
    if seen.unheard >= BEAT_SECONDS:
        return Beat()
    if not seen.trouble:
        return Complete("CONTINUE") if seen.warm else Warm()
    return Look() if seen.seconds < limit else Complete("ABANDON", seen.trouble)


@dataclass(frozen=True)
class Departing:
    """What is seen of an instance that goes. Times are seconds."""

    state: str = ""
    refused: bool = False
    unheard: float = NEVER
    stopped: bool = False  # systemd was told
    running: Sequence[str] = field(default_factory=tuple)  # units that have not ended
    seconds: float = 0  # since systemd was told
    killed: bool = False


def depart(seen: Departing, limit: float) -> Step:
    """The next step of an instance that goes.

    Nothing is stopped before the hook waits for us: until then the load balancer drains, and
    workers work. Never says CONTINUE while a unit runs, but after its limit.
    """
    if seen.refused or not seen.state.startswith("Terminating"):
        return Leave()
    if seen.state != "Terminating:Wait":
        return Look() if seen.state == "Terminating" else Leave()
    if seen.unheard >= BEAT_SECONDS:
        return Beat()
    if not seen.stopped:
        return Stop()
    if not seen.running or seen.seconds >= limit + KILL_SECONDS:
        return Complete("CONTINUE")
    if seen.seconds >= limit and not seen.killed:
        return Kill(tuple(seen.running))
    return Look()
