"""The switch of one fault: on or off."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

_POLL_SECONDS = 0.1


@dataclass
class Switch:
    """
    Whether a fault is on; turned by the drill, read by a service in another thread.

    Each of `listeners` is called with the new state, for what was opened before the turn.
    """

    on: bool = False
    listeners: list[Callable[[bool], None]] = field(default_factory=list)

    def turn(self, on: bool) -> None:
        """Turn the fault on or off."""
        self.on = on
        for listener in self.listeners:
            listener(on)

    async def wait_off(self) -> None:
        """Wait until it is off."""
        while self.on:  # noqa: ASYNC110 - an asyncio.Event is of one thread's loop
            await asyncio.sleep(_POLL_SECONDS)
