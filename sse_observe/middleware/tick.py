"""
A second's work, in slices: other callbacks of the event loop run in between.

Knows an event loop; what is done is the tracker's business.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextvars import Context
from math import inf
from typing import Protocol

TICK_SECONDS = 1.0
# A loop that has not ticked for so long is blocked, or is run no more.
_OVERDUE = 5.0


class Work(Protocol):
    """The work of each second."""

    def rounds(self) -> Iterator[None]:
        """Do it, in slices."""

    def has_streams(self) -> bool:
        """Tell whether there is any for the next second."""

    def loop_lag(self, seconds: float) -> None:
        """Observe how late the loop ran the tick's own timer."""

    def observer_error(self, where: str) -> None:
        """Count a slice that failed; the next second tries again."""


class Tick:
    """
    Works once a second on one event loop and lets the loop run after each slice.

    Stops when there are no streams; `start` begins anew.
    """

    __slots__ = ("_began_at", "_clock", "_loop", "_work", "is_running", "overdue_at")

    def __init__(self, work: Work, clock: Callable[[], float]) -> None:
        self._work = work
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began_at = clock()
        self.is_running = False
        """Whether some loop ticks."""
        self.overdue_at = -inf
        """From then on `start` is to be called: nobody ticks, or the loop that did is stuck."""

    def passed(self) -> float:
        """Return the seconds since the last call: since the tick before, when called in each."""
        before = self._began_at
        self._begin(self._clock())
        return self._began_at - before

    def _begin(self, now: float) -> None:
        self._began_at = now
        self.overdue_at = now + _OVERDUE if self.is_running else -inf

    def start(self, now: float) -> None:
        """Let the running loop tick, unless it does that already."""
        # The one that raises nothing, which takes as long as counting a message.
        loop = asyncio._get_running_loop()  # noqa: SLF001
        # None where there is no asyncio (trio): closing a stream flushes instead.
        if loop is not None and self._loop is not loop:
            self._loop = loop
            self.is_running = True
            self._begin(now)
            self._later(loop)

    def _later(self, loop: asyncio.AbstractEventLoop) -> None:
        # An empty context: a timer must not keep a request alive.
        due = loop.time() + TICK_SECONDS
        loop.call_at(due, self._begin_round, loop, due, context=Context())

    def _begin_round(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._loop is loop:
            try:
                self._work.loop_lag(max(loop.time() - due, 0.0))
            except Exception:  # noqa: BLE001 - the round is worth more than its delay
                self._work.observer_error("tick")
            self._go_on(loop, None)

    def _go_on(self, loop: asyncio.AbstractEventLoop, rounds: Iterator[None] | None) -> None:
        """Do one slice, then let the loop run."""
        if self._loop is not loop:
            return
        try:
            rounds = rounds or self._work.rounds()
            if next(rounds, self) is None:
                loop.call_soon(self._go_on, loop, rounds, context=Context())
                return
        except Exception:  # noqa: BLE001 - the next tick tries again
            self._work.observer_error("tick")
        try:
            if self._work.has_streams():
                self._later(loop)
                return
        except Exception:  # noqa: BLE001 - the next stream starts it again
            self._work.observer_error("tick")
        self._loop = None
        self.is_running = False
        self.overdue_at = -inf
