"""
An environment in a process of its own, which does what a drill says and ends with it.

Run as a module it is that process. What crosses is small: the faults at first, their targets,
each turn of a switch, and the claims at the end.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Self, cast

from sse_observe.errors import LabError
from sse_observe.lab.drill.environment import Environment
from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.service import Address
from sse_observe.lab.drill.verdict import Claim
from sse_observe.lab.programs.process import Program
from sse_observe.lab.programs.server import quiet

# All its servers stop at once, each within a second; a busy machine takes longer.
_STOP_SECONDS = 30


class EnvironmentProcess(Program):
    """The process, and what is asked of it; LabError where it has ended, or says one itself."""

    def __init__(
        self,
        faults: Sequence[Fault],
        home: Path,
        *,
        log: Path,
        addresses: Mapping[str, Address],
    ) -> None:
        self._near, self._far = Pipe()
        self._plan = (faults, home, addresses)
        super().__init__(
            [sys.executable, "-m", __name__, str(self._far.fileno())],
            log=log,
            ready=lambda: True,
            stop_seconds=_STOP_SECONDS,
            pass_fds=[self._far.fileno()],
        )

    def start(self) -> Self:
        """Start it, and let it begin; `targets` tells when it has."""
        super().start()
        # With our copy of its end we would never hear that it has ended.
        self._far.close()
        self._send(self._plan)
        return self

    def stop(self) -> None:
        """End it, and all that it has started."""
        super().stop()
        self._near.close()

    def targets(self) -> Mapping[str, Sequence[str]]:
        """Return where to scrape each fault's services; waits until all of them are there."""
        return cast("Mapping[str, Sequence[str]]", self._take())

    def turn(self, fault: str, on: bool) -> None:
        """Turn a fault on or off."""
        self._send((fault, on))

    def claims(self, fault: str) -> tuple[Claim, ...]:
        """Return what must hold of a fault beside its alerts."""
        self._send((fault, None))
        return cast("tuple[Claim, ...]", self._take())

    def check(self) -> None:
        """Refuse to go on where it has ended."""
        if self._near.poll():
            self._take()

    def _send(self, words: object) -> None:
        try:
            self._near.send(words)
        except OSError:
            # Its last words are still to be read.
            self._take()

    def _take(self) -> object:
        try:
            answer: object = self._near.recv()
        except (EOFError, OSError):
            raise LabError(f"a process of the drill ended: {self.last_line()}") from None
        if isinstance(answer, LabError):
            raise answer
        return answer


async def _live(side: Connection) -> None:
    """Do what is asked until the other side is closed, or SIGTERM comes."""
    faults, home, addresses = side.recv()
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.current_task()

    def end() -> None:
        if task is not None and not task.cancelling():
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end)
    async with Environment(faults, home, addresses=addresses) as environment:
        side.send(environment.targets)
        loop.add_reader(side.fileno(), asked.set)
        while await asked.wait():
            asked.clear()
            # It is set once more than there is something to read.
            while side.poll():
                fault, on = side.recv()
                if on is None:
                    side.send(environment.claims(fault))
                else:
                    environment.switches[fault].turn(on)


def _run(side: Connection) -> None:
    # The other side is gone, or wants us to be.
    with quiet(), suppress(asyncio.CancelledError, EOFError, BrokenPipeError):
        try:
            asyncio.run(_live(side))
        except LabError as error:
            side.send(error)


if __name__ == "__main__":
    _run(Connection(int(sys.argv[1])))
