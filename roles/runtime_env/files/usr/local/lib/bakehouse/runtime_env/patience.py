"""How long to go on asking: often at first, then every few seconds, and never past the deadline."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from runtime_env.faults import ApiUnusable, Fault

Answer = TypeVar("Answer")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0


class NotYet(Exception):
    """Ask again."""

    def __init__(self, sentence: str, fault: type[Fault] = ApiUnusable) -> None:
        """`sentence` says what was the matter, `fault` what it is when time is up."""
        super().__init__(sentence)
        self.fault = fault


class Patience:
    """One deadline for all questions of a run."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Time starts now. `say` hears why it takes longer, once for each reason."""
        self.seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._say = say
        self._end = clock() + seconds

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask until there is an answer.

        A NotYet is asked again after a pause with jitter, so that a fleet that boots at once does
        not ask at once. Raises the fault that the last NotYet names when the next question would
        come after the deadline.
        """
        pause = FIRST_PAUSE
        said = ""
        while True:
            try:
                return question()
            except NotYet as e:
                wait = pause * (0.5 + self._chance() / 2)
                if self._clock() + wait >= self._end:
                    raise e.fault(f"{e} (asked for {self.seconds:.0f} seconds)") from e
                if str(e) != said:
                    said = str(e)
                    self._say(f"{said}; asking again")
                self._sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)
