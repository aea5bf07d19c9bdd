"""
The producers behind the streams: one task per stream, whether anybody reads it or not.

Knows the application's generator and the store; knows no connection.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from contextvars import Context
from typing import Any

from sse_observe.contract import event_id
from sse_observe.reference.store import State, Stream, StreamStore
from sse_observe.wire import encode

Params = Mapping[str, Any]
"""The JSON object, or the query, with which a client created a stream."""
Produce = Callable[[str, Params], AsyncIterator[str]]
"""Given a stream's id and parameters, yields the payload of each event."""

_log = logging.getLogger("sse_observe.reference")

_ANSWER = (
    "This answer arrives word by word over one HTTP response. Cut the connection in the middle: "
    "the next request names the last event that was seen, and the rest follows without a gap "
    "and without a repetition."
)
# About the pace at which a language model writes.
_PAUSE_SECONDS = 0.1


async def demonstration(stream_id: str, params: Params) -> AsyncIterator[str]:  # noqa: ARG001
    """Yield a short answer, word by word, in the smallest useful payload."""
    for word in _ANSWER.split():
        yield f'{{"c":"{word} "}}'
        await asyncio.sleep(_PAUSE_SECONDS)


class Producers:
    """The producing tasks of one application; `evicted` counts the events that the store let go."""

    def __init__(self, produce: Produce, store: StreamStore) -> None:
        self._produce = produce
        self._store = store
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, stream: Stream, params: Params) -> None:
        """Begin to fill a stream that was just created."""
        # A fresh context: the stream outlives the request that asked for it.
        task = asyncio.get_running_loop().create_task(self._run(stream, params), context=Context())
        self._tasks[stream.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(stream.id, None))

    async def _run(self, stream: Stream, params: Params) -> None:
        state: State = "failed"
        try:
            await self._fill(stream, self._produce(stream.id, params))
            state = "done"
        except Exception:  # noqa: BLE001 - whatever the application's generator raises
            # Each reader sees it by the way its response ends; the reason belongs here, once.
            _log.exception("the producer of a stream failed")
        finally:
            await self._store.finish(stream.id, state)

    async def _fill(self, stream: Stream, payloads: AsyncIterator[str]) -> None:
        if not hasattr(payloads, "__aiter__"):
            raise TypeError("produce must be an async generator function")
        seq = 0
        async with aclosing(_Closable(payloads)) as source:
            async for payload in source:
                frame = encode(payload, id=event_id(seq, stream.epoch))
                self.evicted += await self._store.append(stream.id, frame)
                seq += 1
                # A generator that never waits would evict its events before anyone has a turn.
                await asyncio.sleep(0)

    async def stop(self, stream_id: str) -> None:
        """Cancel the producer of one stream, if it still runs."""
        await self._cancel([self._tasks[stream_id]] if stream_id in self._tasks else [])

    async def close(self) -> None:
        """Cancel all producers and wait until each is gone."""
        await self._cancel(list(self._tasks.values()))

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            # A generator that swallows its cancellation must not hold up a shutdown for ever.
            await asyncio.wait(tasks, timeout=5)


class _Closable:
    """An async iterator that can be closed, as a generator can and another need not."""

    def __init__(self, source: AsyncIterator[str]) -> None:
        self._source = source

    def __aiter__(self) -> AsyncIterator[str]:
        return aiter(self._source)

    async def aclose(self) -> None:
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()
