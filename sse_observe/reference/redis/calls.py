"""
Calls of the script, gathered: what many tasks ask for at once travels together.

Knows one connection, and what its failures mean; knows no stream. Whoever waits may be cancelled:
the connection's own task is not, so that no answer is ever taken for another's.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)

from sse_observe.errors import SettingsError
from sse_observe.reference.redis.script import SCRIPT, encode_calls
from sse_observe.reference.redis.url import Client, Server
from sse_observe.reference.store import StoreDownError

Answer = list[Any]
"""An answer of the script: a word, and what belongs to it."""

_log = logging.getLogger("sse_observe.reference")

# What holds Redis up for a millisecond or two at most.
_MOST_CALLS = 128
_MOST_BYTES = 524_288
# `ZRANGE`, `SET … GET` and `UNLINK` are older; 6.2 is what Debian's oldest supported release has.
_OLDEST = (6, 2)


@dataclass(slots=True)
class _Call:
    operation: str
    keys: tuple[str, str]
    form: list[object]
    blobs: Sequence[bytes]
    answer: asyncio.Future[Answer]
    began: float

    def size(self) -> int:
        return sum(map(len, self.blobs)) + 100

    def may_repeat(self) -> bool:
        """Whether it does no harm twice: events that follow whatever is there would."""
        write = self.form[1] if self.operation == "write" else None
        return not isinstance(write, dict) or not write["frames"] or write.get("after") is not None


Observe = Callable[[str, float, str | None], None]
"""Is told of each call: its operation, its seconds, and its error, if it failed."""


class Calls:
    """
    All calls of one process, over one connection (a cluster's nodes: one each).

    `on_restart` is called when the server is another one than before: it may have lost what the
    old one held. `server` is the run that answered last.
    """

    def __init__(
        self,
        server: Server,
        *,
        timeout_seconds: float,
        on_restart: Callable[[], None],
        observe: Observe,
    ) -> None:
        self._server = server
        self._timeout = timeout_seconds
        self._on_restart = on_restart
        self._observe = observe
        self._client: Client | None = None
        self._sha = ""
        self._queue: deque[_Call] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._is_down = False
        self.run = ""

    @property
    def is_cluster(self) -> bool:
        """Whether several servers share the keys."""
        return self._server.is_cluster

    async def call(
        self, operation: str, keys: tuple[str, str], *arguments: object, blobs: Sequence[bytes] = ()
    ) -> Answer:
        """
        Return the script's answer to one call; raise StoreDownError where there is none.

        A dictionary among the arguments may name blobs by `first_frame` and `note`: numbers
        from 0, among these blobs.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        form = [operation, *arguments]
        self._queue.append(_Call(operation, keys, form, blobs, answer, perf_counter()))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        found = await answer
        if found and found[0] == b"error":
            raise StoreDownError(f"{self._server.name}: {_error_line(found[1].decode())}")
        return found

    async def start(self) -> None:
        """Connect; raise SettingsError where that can never work, StoreDownError where it may."""
        try:
            await asyncio.wait_for(self._connected(), self._timeout * 2)
        except TimeoutError:
            raise StoreDownError(f"{self._server.name}: no answer in time") from None
        except (RedisError, OSError) as error:
            raise self._as_ours(error) from None

    async def aclose(self) -> None:
        """Close the connection; the last to go of those that share its server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._disconnect()
        if self._closing:
            await asyncio.wait(self._closing)
        await self._server.close()

    async def _work(self) -> None:
        while self._queue:
            # What other tasks ask for in this turn comes along.
            await asyncio.sleep(0)
            batch = self._batch()
            try:
                await self._send(batch)
            except asyncio.CancelledError:
                self._fail(
                    [*batch, *self._queue], StoreDownError("the store was closed"), "refused"
                )
                raise
            except Exception as error:  # noqa: BLE001 - see below
                # A mistake of ours; nobody may wait for an answer that will not come.
                _log.exception("a call of the store failed")
                self._fail(batch, StoreDownError(f"{self._server.name}: {error}"), "refused")

    def _batch(self) -> list[_Call]:
        batch: list[_Call] = []
        size = 0
        while self._queue and len(batch) < _MOST_CALLS:
            size += self._queue[0].size()
            if batch and size > _MOST_BYTES:
                break
            call = self._queue.popleft()
            if not call.answer.done():
                batch.append(call)
        return batch

    async def _send(self, batch: list[_Call]) -> None:
        try:
            answers = await self._answers(batch)
        except SettingsError as error:
            self._fail(batch, StoreDownError(str(error)), "refused")
        except (RedisError, OSError, TimeoutError) as error:
            self._fail(batch, self._down(error), _kind(error))
        else:
            self._is_down = False
            for call, answer in zip(batch, answers, strict=True):
                failed = bool(answer) and answer[0] == b"error"
                kind = ("full" if b"OOM" in answer[1] else "refused") if failed else None
                self._observe(call.operation, perf_counter() - call.began, kind)
                if not call.answer.done():
                    call.answer.set_result(answer)

    def _fail(self, batch: list[_Call], error: StoreDownError, kind: str) -> None:
        for call in batch:
            self._observe(call.operation, perf_counter() - call.began, kind)
            if not call.answer.done():
                call.answer.set_exception(StoreDownError(str(error)))

    async def _answers(self, batch: list[_Call]) -> list[Answer]:
        """Send once; once more where the connection had broken while it was idle."""
        if not batch:
            return []
        try:
            async with asyncio.timeout(self._timeout):
                return await self._sent(batch)
        except (RedisConnectionError, ConnectionError):
            await self._disconnect()
            if not all(call.may_repeat() for call in batch):
                raise
            async with asyncio.timeout(self._timeout):
                return await self._sent(batch)

    async def _sent(self, batch: list[_Call]) -> list[Answer]:
        client = await self._connected()
        if not self._server.is_cluster:
            return await self._evaluated(client, batch)
        # A call of the script may touch one slot. One stream's keys share a slot.
        found: dict[int, Answer] = {}
        slots: dict[int, list[int]] = {}
        for place, call in enumerate(batch):
            slots.setdefault(client.keyslot(call.keys[0]), []).append(place)  # type: ignore[union-attr]
        lane = asyncio.Semaphore(2)

        async def one(places: list[int]) -> None:
            async with lane:
                answers = await self._evaluated(client, [batch[place] for place in places])
            found.update(zip(places, answers, strict=True))

        await asyncio.gather(*(one(places) for places in slots.values()))
        return [found[place] for place in range(len(batch))]

    async def _evaluated(self, client: Client, batch: list[_Call]) -> list[Answer]:
        keys = [key for call in batch for key in call.keys]
        # Lua counts from 1, and the first argument is the calls themselves.
        blobs: list[bytes] = []
        for call in batch:
            for part in call.form:
                if isinstance(part, dict):
                    for name in ("first_frame", "note"):
                        if part.get(name) is not None:
                            part[f"{name}"] += len(blobs) + 2
            blobs += call.blobs
        text = encode_calls([call.form for call in batch])
        try:
            return await self._run_script(client, keys, text, blobs)
        finally:
            self._renumber(batch)

    @staticmethod
    def _renumber(batch: list[_Call]) -> None:
        """Undo the numbering, so that the same calls can be sent again."""
        offset = 2
        for call in batch:
            for part in call.form:
                if isinstance(part, dict):
                    for name in ("first_frame", "note"):
                        if part.get(name) is not None:
                            part[name] -= offset
            offset += len(call.blobs)

    async def _run_script(
        self, client: Client, keys: list[str], text: bytes, blobs: list[bytes]
    ) -> list[Answer]:
        ask: Callable[..., Awaitable[list[Answer]]] = client.execute_command
        arguments = (len(keys), *keys, text, *blobs)
        try:
            return await ask("EVALSHA", self._sha, *arguments)
        except NoScriptError:
            return await ask("EVAL", SCRIPT, *arguments)

    async def _connected(self) -> Client:
        if self._client is not None:
            return self._client
        client = self._server.connect()
        try:
            info = await client.info("server")
            check_version(self._server.name, str(info["redis_version"]))
            self._sha = str(await client.script_load(SCRIPT))
        except BaseException:
            await client.aclose()
            raise
        self._client = client
        # A cluster answers by any of its nodes.
        run = "cluster" if self._server.is_cluster else str(info["run_id"])
        if self.run and (run != self.run or self._is_down):
            self._on_restart()
        self.run = run
        return client

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self._close(client)

    @staticmethod
    async def _close(client: Client) -> None:
        with suppress(RedisError, OSError):
            await client.aclose()

    def _down(self, error: Exception) -> StoreDownError:
        ours = self._as_ours(error)
        if not self._is_down:
            self._is_down = True
            _log.warning("%s", ours)
        # The connection may hold half an answer: no later call may get it.
        client, self._client = self._client, None
        if client is not None:
            closing = asyncio.get_running_loop().create_task(self._close(client))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        return StoreDownError(str(ours))

    def _as_ours(self, error: Exception) -> SettingsError | StoreDownError:
        name = self._server.name
        text = str(error) or type(error).__name__
        if isinstance(error, AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
            return SettingsError(f"{name}: refused our user or password; correct them in the URL")
        if isinstance(error, TimeoutError):
            return StoreDownError(f"{name}: no answer within {self._timeout:g} seconds")
        if isinstance(error, ResponseError):
            return StoreDownError(f"{name}: {_error_line(text)}")
        return StoreDownError(f"{name}: not reachable ({text.splitlines()[0]})")


def check_version(name: str, version: str) -> None:
    """Raise SettingsError for a server that lacks what the script needs."""
    found = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if found < _OLDEST:
        raise SettingsError(f"{name}: Redis {version} is too old; 6.2 or newer is needed")


def _error_line(text: str) -> str:
    if "OOM" in text:
        return "is full (maxmemory is reached); give it more memory, or keep less"
    return text.splitlines()[0]


def _kind(error: Exception) -> str:
    """Return the label under which an error is counted."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ResponseError):
        return "full" if "OOM" in str(error) else "refused"
    return "unreachable"
