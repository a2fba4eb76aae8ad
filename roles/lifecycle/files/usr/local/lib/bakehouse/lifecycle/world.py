"""What both verbs need of the world: time, a voice, and patience with those who do not answer."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lifecycle.asg import Here, Scaling
from runtime_env.aws import client_factory
from runtime_env.patience import NotYet

Answer = TypeVar("Answer")


def say(sentence: str) -> None:
    """For the journal."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def scaling(here: Here) -> Scaling:
    """The Auto Scaling API, for this instance."""
    me = here.identity()
    return Scaling(client_factory(me.region), me.instance)


@dataclass
class World:
    """All that a test puts something else in the place of."""

    here: Here
    scaling: Callable[[Here], Scaling] = scaling
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = say
    _said: str = ""

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The answer; None when there is none yet, which is said once for each reason."""
        try:
            answer = question()
        except NotYet as e:
            if str(e) != self._said:
                self._said = str(e)
                self.say(f"{e}; asking again")
            return None
        self._said = ""
        return answer
