"""
The producers of one application: one task for each stream, within a limit.

Knows tasks; what a producer does is its own business, and nothing here knows a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import Context

from sse_observe.errors import SSEObserveError
from sse_observe.reference.producer import Producer, ProducerPolicy
from sse_observe.reference.store import BEFORE_ALL, Stream, StreamStore


class BusyError(SSEObserveError):
    """As many streams are being produced here as may be; the caller answers 503."""


class Producers:
    """
    The producing tasks of one application.

    `evicted` counts the events that the store let go, `fenced` the producers that another
    writer had replaced.
    """

    def __init__(
        self,
        store: StreamStore,
        policy: ProducerPolicy | None = None,
        *,
        limit: int | None = None,
        on_fenced: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._policy = policy or ProducerPolicy()
        self._limit = limit
        self._on_fenced = on_fenced
        self._tasks: dict[asyncio.Task[None], Producer] = {}
        self._evicted_by_the_gone = 0

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def evicted(self) -> int:
        """The number of events that went for newer ones, of all streams so far."""
        return self._evicted_by_the_gone + sum(one.evicted for one in self._tasks.values())

    def check_limit(self) -> None:
        """Raise BusyError where one more is too many."""
        if self._limit is not None and len(self._tasks) >= self._limit:
            raise BusyError(f"{self._limit} streams are being produced here; retry later")

    def start(
        self,
        stream: Stream,
        writer: str,
        frames: AsyncIterator[bytes],
        *,
        store: StreamStore | None = None,
        after: int = BEFORE_ALL,
    ) -> None:
        """Begin to fill a stream that was just created, or taken over after some position."""
        producer = Producer(
            store or self._store, stream, writer, frames, self._policy, on_fenced=self._on_fenced
        )
        producer.begin_after(after)
        # A fresh context: the stream outlives the request that asked for it.
        task = asyncio.get_running_loop().create_task(producer.run(), context=Context())
        self._tasks[task] = producer
        task.add_done_callback(self._ended)

    def stop(self, stream_id: str) -> None:
        """End the stream of that id, if it is produced here."""
        for producer in self._tasks.values():
            if producer.stream_id == stream_id:
                producer.stop("stopped")

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._evicted_by_the_gone += self._tasks.pop(task).evicted

    async def close(self) -> None:
        """Cancel all producers and wait until each is gone, or ten seconds."""
        # Once to stop, and once more for those whose end the store does not take.
        for seconds in (8, 2):
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=seconds)
