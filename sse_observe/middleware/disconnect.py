"""
Ask a server whether the client is gone, for an application that never calls `receive()`.

From then on nobody else asks, since some servers tell it once. Messages that were read are kept
for the application, which may still ask.
"""

import asyncio

from sse_observe.asgi import Message
from sse_observe.middleware.stream import Stream


class DisconnectWatch:
    """
    Stands between a server's `receive` and a stream whose application never asks.

    `disconnected` is what `peek` reads, under the name that uvicorn gives it.
    """

    __slots__ = ("_ask", "_kept", "_news", "_over", "_task", "disconnected")

    def __init__(self, stream: Stream) -> None:
        self.disconnected = False
        self._ask = stream.receive
        self._kept: list[Message] = []
        self._news = asyncio.Event()
        self._over = False
        self._task = asyncio.create_task(self._watch(stream))

    async def _watch(self, stream: Stream) -> None:
        try:
            while not self.disconnected:
                message = await self._ask()
                self._kept.append(message)
                self.disconnected = message["type"] == "http.disconnect"
                self._news.set()
                if message.get("more_body"):
                    # An upload is for the application to read, at its own pace.
                    return
            stream.owner.left(stream)
        except Exception:  # noqa: BLE001 - the application hears it when it asks
            return
        finally:
            self._over = True
            self._news.set()

    async def receive(self) -> Message:
        """Answer the application: what was kept first, then what comes."""
        while not (self._kept or self._over):
            self._news.clear()
            await self._news.wait()
        if not self._kept:
            return await self._ask()
        # A client that is gone stays gone, however often one asks.
        last = self.disconnected and len(self._kept) == 1
        return self._kept[0] if last else self._kept.pop(0)

    def stop(self) -> None:
        """Ask no more."""
        self._task.cancel()


def watch(stream: Stream) -> None:
    """Ask the server on behalf of a stream's application, until `unwatch`."""
    stream.receive = DisconnectWatch(stream).receive


def unwatch(stream: Stream) -> None:
    """Leave nothing behind of a stream whose application is over."""
    disconnect_watch = getattr(stream.receive, "__self__", None)
    if isinstance(disconnect_watch, DisconnectWatch):
        disconnect_watch.stop()
