"""A failure that is told to a person: what was found, what was wanted, what to type next."""

from __future__ import annotations


class Trouble(Exception):
    """Something that a person must know or do; a command prints it and ends with status 1.

    Subclasses are named for what happened and say in what state they leave the world.
    """

    def __init__(self, what: str, then: str = "") -> None:
        """`what` is a sentence; `then` the next command to type, may be empty."""
        super().__init__(what)
        self.then = then

    def __str__(self) -> str:
        """The sentence, and the next command on a line of its own."""
        return f"{self.args[0]}\n  next: {self.then}" if self.then else str(self.args[0])
