"""A browser's network with a plug: pulled, streams break off, and for a while nobody answers."""

import asyncio
import time

from sse_observe.asgi import App, Message, Receive, Scope, Send

SECONDS = 5.0
"""How long it stays pulled."""


class Plug:
    """
    Passes requests to an application; those below `path` go over a network that has a plug.

    What is cut ends as a lost connection: the server learns that its client is gone, the client
    that its answer broke off.
    """

    def __init__(self, app: App, path: str) -> None:
        self._app = app
        self._path = path
        self._back_at = 0.0
        self._cuts: set[asyncio.Event] = set()

    @property
    def pulled(self) -> bool:
        """Whether there is no network now; may be asked from any thread."""
        return time.monotonic() < self._back_at

    def pull(self) -> None:
        """Cut every stream that is open, and let nobody through for a while."""
        self._back_at = time.monotonic() + SECONDS
        for cut in self._cuts:
            cut.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; it waits while there is no network."""
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(max(0.0, self._back_at - time.monotonic()))
        cut = asyncio.Event()

        async def receive_until_cut() -> Message:
            waiting = asyncio.ensure_future(cut.wait())
            asked = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({waiting, asked}, return_when=asyncio.FIRST_COMPLETED)
                return {"type": "http.disconnect"} if cut.is_set() else await asked
            finally:
                waiting.cancel()
                asked.cancel()

        async def send_until_cut(message: Message) -> None:
            if not cut.is_set():
                await send(message)

        self._cuts.add(cut)
        try:
            await self._app(scope, receive_until_cut, send_until_cut)
        finally:
            self._cuts.discard(cut)
