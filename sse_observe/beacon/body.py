"""
Request bodies of strangers, each read within a size and a time.

Knows ASGI messages; what a body says is nothing to it.
"""

import asyncio

from sse_observe.asgi import Receive


class Bodies:
    """
    Reads bodies of at most `most_bytes`, each within `seconds`.

    A beacon report lies there with its request nearly always, and a timer for each would be a
    fifth of all that it costs. So one timer looks after all that are being read.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        # Who reads, since when, in the order in which they began.
        self._reading: dict[asyncio.Task[object], float] = {}
        self._timed: asyncio.AbstractEventLoop | None = None

    async def read(self, receive: Receive) -> bytes:
        """Return a body, or enough to show that it is too large; nothing if it is too slow."""
        loop = asyncio.get_running_loop()
        # A server runs each request in a task.
        task: asyncio.Task[object] = asyncio.current_task(loop)  # type: ignore[assignment]
        self._reading[task] = loop.time()
        if self._timed is not loop:
            self._timed = loop
            loop.call_later(self._seconds, self._give_up, loop)
        try:
            # Bytes are counted as they come; Content-Length is only what somebody says.
            message = await receive()
            body: bytes = message.get("body", b"")
            while message.get("more_body") and len(body) <= self._most_bytes:
                message = await receive()
                body += message.get("body", b"")
        except asyncio.CancelledError:
            # Ours if the task was given up, unless somebody else wants to end it too.
            if task in self._reading or task.uncancel():
                raise
            return b""
        finally:
            self._reading.pop(task, None)
        return body

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what is too slow, and come again when the next one may be."""
        while self._reading:
            task, since = next(iter(self._reading.items()))
            if since + self._seconds > loop.time():
                loop.call_at(since + self._seconds, self._give_up, loop)
                return
            del self._reading[task]
            task.cancel()
        self._timed = None
