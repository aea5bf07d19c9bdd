"""
The turns of a task: how often its loop let it go on.

Knows coroutines; where the number has not changed between two moments, nobody else had a turn.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import TypeVar

T = TypeVar("T")
_Work = Coroutine[object, None, T]


class Turns(_Work[T]):
    """
    A coroutine for a task, whose `count` is the number of its turns so far.

    `work` is called with this object. Where it is awaited by another coroutine, instead of being
    a task of its own, nothing is counted.
    """

    def __init__(self, work: "Callable[[Turns[T]], _Work[T]]") -> None:
        self.count = 0
        self._coroutine = work(self)

    def __getattr__(self, name: str) -> object:
        """Return what is known of the work: its name and its frame, for those who look at tasks."""
        return getattr(self._coroutine, name)

    def __await__(self) -> Generator[object, None, T]:
        """Work on behalf of another coroutine."""
        return self._coroutine.__await__()

    def send(self, value: None) -> object:
        """Go on until the work has to wait."""
        self.count += 1
        return self._coroutine.send(value)

    def throw(self, *error: object) -> object:
        """Go on with an error, its cancellation most often."""
        self.count += 1
        return self._coroutine.throw(*error)  # type: ignore[call-overload]

    def close(self) -> None:
        """Give up the work."""
        self._coroutine.close()
