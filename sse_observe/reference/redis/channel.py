"""
The second connection: what other hosts publish, for whoever here listens.

Knows channels; a message is only news. After every loss of the connection the listeners are told
to look again, since what was published meanwhile is gone.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypedDict

from redis.asyncio.client import PubSub, Redis
from redis.exceptions import RedisError

from sse_observe.reference.redis.url import Server
from sse_observe.reference.store import StoreDownError

Listener = Callable[[bytes], None]
_log = logging.getLogger("sse_observe.reference")

# A connection that says nothing for so long is asked whether it is there, and as long for it.
_SILENCE_SECONDS = 1.0
# Half a second at most, so that readers go on within a second of the store's return.
_RETRY_SECONDS = 0.25
_AGAIN_SECONDS = 0.01
_MOST_AT_ONCE = 500
# redis-py closes a connection that breaks while others still write to it: they find none (an
# AttributeError), or one that is not set (a RuntimeError).
_LOST = (RedisError, OSError, RuntimeError, AttributeError)


class _Message(TypedDict):
    """A published message as redis-py gives it."""

    type: str
    channel: bytes
    data: bytes


class Channel:
    """
    The subscriptions of one process, over one connection; `on_return` is called after a loss.

    A subscription is in force when `subscribe` returns.
    """

    def __init__(
        self, server: Server, *, timeout_seconds: float, on_return: Callable[[], None]
    ) -> None:
        self._server = server
        self._timeout = timeout_seconds
        self._on_return = on_return
        self._listeners: dict[bytes, Listener] = {}
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._client: Redis | None = None
        self._pubsub: PubSub | None = None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def subscribe(self, name: str, listener: Listener, *, always: bool = False) -> None:
        """
        Hear what is published from now on; raise StoreDownError where that cannot be.

        Under `always` it is heard as soon as it can be, also after such an error.
        """
        key = name.encode()
        self._listeners[key] = listener
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())
        try:
            async with asyncio.timeout(self._timeout):
                while not await self._subscribed(key):
                    pass
        except TimeoutError:
            if not always:
                self._listeners.pop(key, None)
            raise StoreDownError(f"{self._server.name}: no answer in time") from None

    async def _subscribed(self, key: bytes) -> bool:
        """Subscribe once there is a connection; tell whether it was still there at the end."""
        await self._up.wait()
        if self._pubsub is None:
            # It was lost again before we had a turn.
            return False
        try:
            await self._confirmed(self._pubsub, key)
        except _LOST as error:
            _log.debug("%s: a subscription is asked for again (%s)", self._server.name, error)
            # The connection's own task has a turn to notice.
            await asyncio.sleep(_AGAIN_SECONDS)
            return False
        return True

    async def _confirmed(self, pubsub: PubSub, key: bytes) -> None:
        done = self._waiting.get(key)
        if done is None:
            done = self._waiting[key] = asyncio.get_running_loop().create_future()
            await pubsub.subscribe(key)
        await asyncio.shield(done)

    async def unsubscribe(self, name: str) -> None:
        """Hear no more of it."""
        key = name.encode()
        self._listeners.pop(key, None)
        if self._pubsub is not None and self._up.is_set():
            with suppress(*_LOST):
                await self._pubsub.unsubscribe(key)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self._disconnect()

    async def _work(self) -> None:
        first = True
        while True:
            try:
                await self._connect()
                if not first:
                    self._on_return()
                first = False
                await self._listen()
            except _LOST as error:
                _log.debug("%s: news are interrupted (%s)", self._server.name, error)
            except Exception:  # noqa: BLE001 - see below
                # A mistake of ours; without this task nobody here would hear of anything again.
                _log.exception("%s: news are interrupted", self._server.name)
            finally:
                self._up.clear()
                await self._disconnect()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _connect(self) -> None:
        async with asyncio.timeout(self._timeout):
            self._client = self._server.listen()
            self._pubsub = self._client.pubsub()
            names = list(self._listeners)
            # Redis wants at least one name, before it lets anybody ask whether it is there.
            await self._pubsub.subscribe(b"")
            for start in range(0, len(names), _MOST_AT_ONCE):
                await self._pubsub.subscribe(*names[start : start + _MOST_AT_ONCE])
            missing = {b"", *names}
            while missing:
                message = await self._pubsub.get_message(timeout=self._timeout)
                if message is not None:
                    missing.discard(message["channel"])
        self._up.set()

    async def _disconnect(self) -> None:
        for done in self._waiting.values():
            if not done.done():
                done.set_exception(ConnectionError("the connection for news was lost"))
                done.exception()
        self._waiting.clear()
        pubsub, client = self._pubsub, self._client
        self._pubsub = self._client = None
        with suppress(*_LOST):
            if pubsub is not None:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            if client is not None:
                await client.aclose()

    async def _listen(self) -> None:
        assert self._pubsub is not None  # noqa: S101 - just connected
        asked = False
        while True:
            message = await self._pubsub.get_message(timeout=_SILENCE_SECONDS)
            if message is None:
                if asked:
                    raise TimeoutError("no answer")
                asked = True
                await self._pubsub.ping()
                continue
            asked = False
            self._take(message)

    def _take(self, message: _Message) -> None:
        kind, key = message["type"], message["channel"]
        if kind == "message":
            listener = self._listeners.get(key)
            if listener is not None:
                listener(message["data"])
        elif kind == "subscribe":
            done = self._waiting.pop(key, None)
            if done is not None and not done.done():
                done.set_result(None)
