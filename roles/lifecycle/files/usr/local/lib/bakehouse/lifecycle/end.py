"""The loop of both verbs: look, decide, act; until there is nothing more to do."""

from abc import ABC, abstractmethod

from lifecycle.decide import Complete, Leave, Step


class End(ABC):
    """One end of an instance's life."""

    def run(self) -> int:
        """Go to the end of it; the exit status."""
        while True:
            step = self._decide()
            if isinstance(step, Leave):
                return 0
            if isinstance(step, Complete):
                return self._complete(step)
            self._do(step)

    @abstractmethod
    def _decide(self) -> Step:
        """Look, and say what is next."""

    @abstractmethod
    def _do(self, step: Step) -> None:
        """Do what is neither the last step nor none."""

    @abstractmethod
    def _complete(self, step: Complete) -> int:
        """Answer the hook; the exit status."""
