"""
Answers to all who look on: asked once for everybody with the same choice, a few at a time.

A board costs its queries, not its viewers.
"""

import asyncio
import json

from sse_observe.boards.choice import REFRESH_SECONDS, Choice
from sse_observe.boards.console import Console, find_console
from sse_observe.boards.page import live_content
from sse_observe.boards.reader import BoardReader
from sse_observe.catalog.model import Board
from sse_observe.errors import ReportError

# Two viewers wait for their own choice, the rest for their turn.
_AT_ONCE = 2
_MOST_KEPT = 16
_CONSOLE_SECONDS = 60.0

_Key = tuple[str, Choice]


class Viewers:
    """Keeps each answer for as long as nothing newer can be asked for."""

    def __init__(self, reader: BoardReader) -> None:
        self._reader = reader
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._kept: dict[_Key, tuple[float, asyncio.Task[bytes]]] = {}
        self._console = Console()
        self._console_sought = 0.0

    async def answer(self, board: Board, choice: Choice) -> bytes:
        """Return a board's content as JSON; where it cannot be asked, the reason alone."""
        key = board.uid, choice
        now = asyncio.get_running_loop().time()
        since, task = self._kept.get(key, (-REFRESH_SECONDS, None))
        # A little less: a viewer that asks every five seconds shall not get an old answer.
        if task is None or (task.done() and now - since >= 0.9 * REFRESH_SECONDS):
            self._kept.pop(key, None)
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            task = asyncio.create_task(self._ask(board, choice))
            self._kept[key] = now, task
        # One that leaves takes the answer from nobody.
        return await asyncio.shield(task)

    async def _ask(self, board: Board, choice: Choice) -> bytes:
        async with self._turns:
            return await asyncio.to_thread(self._read, board, choice)

    def _read(self, board: Board, choice: Choice) -> bytes:
        try:
            live = self._reader.read(board, choice)
            content = live_content(live, self._known_console(live.window.end))
        except ReportError as error:
            content = {"problem": str(error)}
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()

    def _known_console(self, now: float) -> Console:
        """Return the pages of the Prometheus, sought again for as long as none is found."""
        if not self._console.graph and now - self._console_sought > _CONSOLE_SECONDS:
            self._console_sought = now
            source = self._reader.source
            self._console = find_console(source.url, source.headers)
        return self._console
