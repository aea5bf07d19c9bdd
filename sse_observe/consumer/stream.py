"""
`resume_stream()`: read an event stream to its end, over as many connections as that takes.

Knows the stream contract and the standard's rules for reconnecting; order, delays, metrics and
HTTP are next door.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from random import random as system_random
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from sse_observe.consumer.backoff import Backoff
from sse_observe.consumer.exchange import (
    CompleteError,
    LostError,
    StreamFailedError,
    check,
    place,
    with_query,
)
from sse_observe.consumer.observation import Observation
from sse_observe.consumer.sequence import Gap, Order
from sse_observe.consumer.transport import Response, Transport, aiohttp_transport
from sse_observe.contract import HEARTBEATS, HELLO
from sse_observe.errors import SettingsError, SSEObserveError
from sse_observe.metrics import ALL_USERS, OTHER
from sse_observe.registry import SSEMetrics, default_metrics
from sse_observe.wire import Event, Scanner, WireError

T = TypeVar("T")

# The guide's limit, for servers that do not say how often they beat.
_STALL_SECONDS = 30.0
# Two beats may be late or lost before the third tells.
_BEATS = 2.5
_DONE_DATA = "[DONE]"


class _ClosedError(Exception):
    """The caller does not want the stream any more."""


class _LateError(Exception):
    """Something took longer than it may."""


class ResumedStream:
    """
    The events of one stream, and the gaps in it, in order; see `resume_stream`.

    One task iterates; any task of the same loop may `close()`. `cursor` is the id of the last
    event given out, `stream` the name that the server gave, `status` what to tell a person.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        order: Order,
        terminal_events: frozenset[str],
        stall_seconds: float | None,
        connect_seconds: float,
        max_retries: int | None,
        backoff: Backoff,
        observation: Observation,
        transport: Transport,
        on_status: Callable[[str, int], None] | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._url = url
        self._headers = headers
        self._order = order
        self._terminal = terminal_events
        self._stall_seconds = stall_seconds
        self._heartbeat_seconds: float | None = None
        self._connect_seconds = connect_seconds
        self._max_retries = max_retries
        self._backoff = backoff
        self._observation = observation
        self._transport = transport
        self._on_status = on_status
        self._clock = clock
        self._sleep = sleep
        self._pinned = self._closed = False
        self._said: tuple[str, int] | None = None
        self._waiting: asyncio.Timeout | None = None
        self._items = self._run()
        self.stream: str | None = None
        self.status = "connecting"

    @property
    def cursor(self) -> str:
        """The id of the last event that was given out."""
        return self._order.cursor

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | Gap:
        if self._closed:
            await self._items.aclose()
            raise StopAsyncIteration
        return await anext(self._items)

    def close(self) -> None:
        """Stop now: what waits ends at once, and nothing reconnects later."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def aclose(self) -> None:
        """Stop, and wait until the connection is gone unless another task is reading."""
        reading = self._waiting is not None
        self.close()
        if not reading:
            await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _run(self) -> AsyncGenerator[Event | Gap, None]:
        outcome = "cancelled"
        try:
            while True:
                self._say("reconnecting" if self._backoff.attempt else "connecting")
                try:
                    async with aclosing(self._connection()) as items:
                        async for item in items:
                            yield item
                except LostError as loss:
                    await self._wait_for_next(loss)
        except CompleteError:
            outcome = "completed"
            if gap := self._order.finished():
                yield gap
            self._say("complete")
        except _ClosedError:
            pass
        except SSEObserveError:
            outcome = "failed"
            self._say("failed")
            raise
        finally:
            self._observation.ended(outcome)

    async def _wait_for_next(self, loss: LostError) -> None:
        if self._max_retries is not None and self._backoff.attempt >= self._max_retries:
            raise StreamFailedError(
                f"{place(self._url)}: gave up after {self._backoff.attempt} attempts; {loss}"
            )
        delay = self._backoff.next(loss.after_seconds)
        self._say("reconnecting")
        await self._within(None, self._sleep(delay))

    async def _connection(self) -> AsyncGenerator[Event | Gap, None]:
        """Give what one connection brings; always ends by raising."""
        self._order.connected()
        url, headers = self._request()
        opened_at, events = None, 0
        scanner = Scanner()
        try:
            async with AsyncExitStack() as stack:
                asking = stack.enter_async_context(self._transport(url, headers))
                response = await self._within(self._connect_seconds, asking)
                self._check(response)
                opened_at = self._clock()
                self._observation.opened()
                self._say("live")
                while (chunk := await self._next_chunk(response)) is not None:
                    for event in scanner.feed(chunk):
                        events += 1
                        for item in self._take(event):
                            yield item
                    if scanner.retry is not None:
                        self._backoff.floor(scanner.retry / 1000)
        except _LateError:
            why = "no answer in time" if opened_at is None else "no byte in time"
            raise LostError(why) from None
        except OSError as fault:
            raise LostError(str(fault) or type(fault).__name__) from fault
        except WireError as fault:
            raise StreamFailedError(f"{place(self._url)}: {fault}") from None
        finally:
            if opened_at is not None:
                self._observation.disconnected()
                self._backoff.lived(self._clock() - opened_at, events)
        raise LostError("the connection ended before the stream did")

    async def _next_chunk(self, response: Response) -> bytes | None:
        """Return what arrives, None at the end; silence for longer than the limit is a stall."""
        loop = asyncio.get_running_loop()
        limit = self._stall_limit()
        deadline = loop.time() + limit
        try:
            return await self._within(limit, anext(response.chunks))
        except StopAsyncIteration:
            return None
        except _LateError:
            # Where the alarm itself is late the machine slept or the loop was blocked: the
            # bytes may be here, and the server is not to blame.
            if loop.time() - deadline < limit / 2:
                self._observation.stalled()
                self._say("waiting")
            raise

    def _stall_limit(self) -> float:
        if self._stall_seconds is not None:
            return self._stall_seconds
        beat = self._heartbeat_seconds
        return _STALL_SECONDS if beat is None else _BEATS * beat

    async def _within(self, seconds: float | None, what: Awaitable[T]) -> T:
        """Await something that may be given up: by its limit, or by `close()`."""
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                self._waiting = patience
                return await what
        except TimeoutError:
            if not patience.expired():
                raise
            raise (_ClosedError if self._closed else _LateError) from None
        finally:
            self._waiting = None

    def _request(self) -> tuple[str, dict[str, str]]:
        headers = {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",
            **self._headers,
        }
        cursor = self._order.cursor
        self._pinned = not cursor and self.stream is not None
        if self.stream is None or not self._pinned:
            return self._url, headers | ({"Last-Event-ID": cursor} if cursor else {})
        # Greeted, but no payload came: name the stream, or the server would begin another one.
        return with_query(self._url, stream_id=self.stream), headers | {"Last-Event-ID": "-1"}

    def _check(self, response: Response) -> None:
        try:
            check(response, self._url)
        except StreamFailedError:
            if not self._pinned:
                raise
            # It was our idea to ask for the stream by name; without it there may be another.
            self.stream = None
            raise LostError("the stream that had begun is gone") from None

    def _take(self, event: Event) -> list[Event | Gap]:
        """Return what an event means for the caller."""
        self._observation.arrived()
        if event.type == HELLO:
            self._greeted(_fields(event.data))
            return []
        if event.type in HEARTBEATS:
            self._observation.stamped(_fields(event.data).get("t"), observe=True)
            return []
        # Only this text ends a stream as data: a payload may well be the word `done`.
        if event.type in self._terminal or _DONE_DATA == event.data in self._terminal:
            raise CompleteError
        self._observation.received()
        verdict = self._order.judge(event)
        if verdict.duplicate:
            self._observation.duplicated()
            return []
        if verdict.unannounced:
            self._observation.lost(verdict.unannounced)
        return [event] if verdict.gap is None else [verdict.gap, event]

    def _greeted(self, hello: dict[str, Any]) -> None:
        self._order.greeted(hello)
        if isinstance(hello.get("stream"), str):
            self.stream = hello["stream"]
        beat = hello.get("heartbeat_seconds")
        if isinstance(beat, int | float) and not isinstance(beat, bool) and 0 < beat < 3600:
            self._heartbeat_seconds = beat
        self._observation.stamped(hello.get("server_time"), observe=False)

    def _say(self, status: str) -> None:
        said = (status, self._backoff.attempt)
        if said == self._said:
            return
        self._said, self.status = said, status
        if self._on_status is not None:
            self._observation.shown(status)
            self._on_status(*said)


def _fields(data: str) -> dict[str, Any]:
    """Return the JSON object of one of the contract's own events; nothing where it is none."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def resume_stream(
    url: str,
    *,
    route: str = OTHER,
    headers: Mapping[str, str] | None = None,
    last_event_id: str = "",
    terminal_events: tuple[str, ...] = ("done", _DONE_DATA),
    dense_ids: bool | None = None,
    stall_seconds: float | None = None,
    connect_seconds: float = 10,
    max_retries: int | None = None,
    user_segment: str = ALL_USERS,
    network_type: str = "unknown",
    on_status: Callable[[str, int], None] | None = None,
    metrics: SSEMetrics | None = None,
    transport: Transport | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = system_random,
) -> ResumedStream:
    """
    Read an event stream as a resilient consumer: iterate over its events and its gaps.

    Yields `Event` for payload and `Gap` where events are gone for good; ends with the stream
    (`terminal_events`, or 204) and raises StreamFailedError where asking again is useless. In
    between it reconnects as long as it takes, or `max_retries` times in a row.

    `route` labels its metrics: a template, never a URL. Silence for `stall_seconds` (default:
    2.5 heartbeats as the server announces them, else 30) is a stall. `dense_ids` says that ids
    are `<seq>-<epoch>` without holes where no greeting of the server shows it. `on_status` is
    told what to show a person, with the number of the attempt.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise SettingsError(f"{url}: is no URL to ask; begin it with http:// or https://")
    for name, value in (("stall_seconds", stall_seconds), ("connect_seconds", connect_seconds)):
        if value is not None and not value > 0:
            raise SettingsError(f"resume_stream: {name}={value!r} is wrong; give more than 0")
    if network_type != "unknown":
        url = with_query(url, network_type=network_type)
    return ResumedStream(
        url,
        headers=dict(headers or {}),
        order=Order(last_event_id, dense=dense_ids),
        terminal_events=frozenset(terminal_events),
        stall_seconds=stall_seconds,
        connect_seconds=connect_seconds,
        max_retries=max_retries,
        backoff=Backoff(random),
        observation=Observation(
            metrics or default_metrics(),
            route,
            user_segment=user_segment,
            network_type=network_type,
            clock=clock,
        ),
        transport=transport or aiohttp_transport(),
        on_status=on_status,
        clock=clock,
        sleep=sleep,
    )
