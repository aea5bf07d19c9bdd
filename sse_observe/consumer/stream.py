"""
`resume_stream()`: read an event stream to its end, over as many connections as that takes.

Knows the stream contract and the standard's rules for reconnecting; ids, delays, metrics and
HTTP are next door.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from random import random as system_random
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from sse_observe.consumer.backoff import Backoff
from sse_observe.consumer.exchange import (
    CompleteError,
    Endpoint,
    LostError,
    StreamFailedError,
    with_query,
)
from sse_observe.consumer.observation import Observation
from sse_observe.consumer.sequence import EventSequence, Gap
from sse_observe.consumer.transport import Response, Transport, aiohttp_transport
from sse_observe.consumer.waiting import ClosedError, LateError, Waiting
from sse_observe.contract import DONE, DONE_DATA, HEARTBEATS, HELLO, SILENT_INTERVALS
from sse_observe.errors import SettingsError, SSEObserveError
from sse_observe.metrics import ALL_USERS, OTHER
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.wire import Event, Scanner, WireError

# For servers that do not say how often they send heartbeats: three of the usual 10 seconds.
_STALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options of one reading; see `resume_stream`."""

    terminal_events: frozenset[str]
    stall_seconds: float | None
    connect_seconds: float
    max_retries: int | None
    on_status: Callable[[str, int], None] | None
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class ResumedStream:
    """
    The events of one stream, and the gaps in it, in order; see `resume_stream`.

    One task iterates; any task of the same loop may `close()`. `cursor` is the id of the last
    event given out, `stream` the name that the server gave, `status` what to show to a person.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        sequence: EventSequence,
        options: ReadOptions,
        *,
        backoff: Backoff,
        observation: Observation,
        transport: Transport,
    ) -> None:
        self._endpoint = endpoint
        self._sequence = sequence
        self._options = options
        self._backoff = backoff
        self._observation = observation
        self._transport = transport
        self._heartbeat_seconds: float | None = None
        self._shown: tuple[str, int] | None = None
        self._waiting = Waiting()
        self._items = self._run()
        self.status = "connecting"

    @property
    def cursor(self) -> str:
        """The id of the last event that was given out."""
        return self._sequence.cursor

    @property
    def stream(self) -> str | None:
        """The name that the server gave to the stream."""
        return self._endpoint.stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | Gap:
        if self._waiting.closed:
            await self._items.aclose()
            raise StopAsyncIteration
        return await anext(self._items)

    def close(self) -> None:
        """Stop now: what waits ends at once, and nothing reconnects later."""
        self._waiting.close()

    async def aclose(self) -> None:
        """Stop, and wait until the connection is gone unless another task is reading."""
        reading = self._waiting.now
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
                self._show("reconnecting" if self._backoff.attempt else "connecting")
                try:
                    async with aclosing(self._connection()) as items:
                        async for item in items:
                            yield item
                except LostError as loss:
                    await self._wait_for_next(loss)
        except CompleteError:
            outcome = "completed"
            if gap := self._sequence.finished():
                yield gap
            self._show("complete")
        except ClosedError:
            pass
        except SSEObserveError:
            outcome = "failed"
            self._show("failed")
            raise
        finally:
            self._observation.ended(outcome)

    async def _wait_for_next(self, loss: LostError) -> None:
        attempts, most = self._backoff.attempt, self._options.max_retries
        if most is not None and attempts >= most:
            raise StreamFailedError(f"{self._endpoint}: gave up after {attempts} attempts; {loss}")
        delay = self._backoff.next(loss.after_seconds)
        self._show("reconnecting")
        await self._waiting.within(None, self._options.sleep(delay))

    async def _connection(self) -> AsyncGenerator[Event | Gap, None]:
        """Give what one connection brings; always ends by raising."""
        self._sequence.connected()
        url, headers = self._endpoint.request(self._sequence.cursor)
        opened_at, events = None, 0
        scanner = Scanner()
        try:
            async with AsyncExitStack() as stack:
                asking = stack.enter_async_context(self._transport(url, headers))
                response = await self._waiting.within(self._options.connect_seconds, asking)
                self._endpoint.check(response)
                opened_at = self._options.clock()
                self._observation.opened()
                self._show("live")
                while (chunk := await self._next_chunk(response)) is not None:
                    for event in scanner.feed(chunk):
                        events += 1
                        for item in self._take(event):
                            yield item
                    if scanner.retry is not None:
                        self._backoff.floor(scanner.retry / 1000)
        except LateError:
            why = "no answer in time" if opened_at is None else "no byte in time"
            raise LostError(why) from None
        except OSError as error:
            raise LostError(str(error) or type(error).__name__) from error
        except WireError as error:
            raise StreamFailedError(f"{self._endpoint}: {error}") from None
        finally:
            if opened_at is not None:
                self._observation.disconnected()
                self._backoff.lived(self._options.clock() - opened_at, events)
        raise LostError("the connection ended before the stream did")

    async def _next_chunk(self, response: Response) -> bytes | None:
        """Return what arrives, None at the end; silence for longer than the limit is a stall."""
        loop = asyncio.get_running_loop()
        limit = self._stall_limit()
        deadline = loop.time() + limit
        try:
            return await self._waiting.within(limit, anext(response.chunks))
        except StopAsyncIteration:
            return None
        except LateError:
            # Where the alarm itself is late the machine slept or the loop was blocked: the
            # bytes may be here, and the server is not to blame.
            if loop.time() - deadline < limit / 2:
                self._observation.stalled()
                self._show("waiting")
            raise

    def _stall_limit(self) -> float:
        if self._options.stall_seconds is not None:
            return self._options.stall_seconds
        heartbeat = self._heartbeat_seconds
        return _STALL_SECONDS if heartbeat is None else SILENT_INTERVALS * heartbeat

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
        terminals = self._options.terminal_events
        if event.type in terminals or (event.data == DONE_DATA and DONE_DATA in terminals):
            raise CompleteError
        self._observation.received()
        arrival = self._sequence.arrived(event)
        if arrival.duplicate:
            self._observation.duplicated()
            return []
        if arrival.unannounced:
            self._observation.lost(arrival.unannounced)
        return [event] if arrival.gap is None else [arrival.gap, event]

    def _greeted(self, hello: Mapping[str, object]) -> None:
        self._sequence.greeted(hello)
        stream, heartbeat = hello.get("stream"), hello.get("heartbeat_seconds")
        if isinstance(stream, str):
            self._endpoint.stream = stream
        if isinstance(heartbeat, int | float) and 0 < heartbeat < 3600 and heartbeat is not True:
            self._heartbeat_seconds = heartbeat
        self._observation.stamped(hello.get("server_time"), observe=False)

    def _show(self, status: str) -> None:
        shown = (status, self._backoff.attempt)
        if shown == self._shown:
            return
        self._shown, self.status = shown, status
        if self._options.on_status is not None:
            self._observation.shown(status)
            self._options.on_status(*shown)


def _fields(data: str) -> dict[str, object]:
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
    terminal_events: tuple[str, ...] = (DONE, DONE_DATA),
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
    called with what to show to a person, and the number of the attempt.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise SettingsError(f"{url}: is no URL to ask; begin it with http:// or https://")
    for name, value in (("stall_seconds", stall_seconds), ("connect_seconds", connect_seconds)):
        if value is not None and not value > 0:
            raise SettingsError(f"resume_stream: {name}={value!r} is wrong; give more than 0")
    if network_type != "unknown":
        url = with_query(url, network_type=network_type)
    return ResumedStream(
        Endpoint(url, headers or {}),
        EventSequence(last_event_id, dense=dense_ids),
        ReadOptions(
            terminal_events=frozenset(terminal_events),
            stall_seconds=stall_seconds,
            connect_seconds=connect_seconds,
            max_retries=max_retries,
            on_status=on_status,
            clock=clock,
            sleep=sleep,
        ),
        backoff=Backoff(random),
        observation=Observation(
            chosen_metrics(metrics, "resume_stream"),
            route,
            user_segment=user_segment,
            network_type=network_type,
            clock=clock,
        ),
        transport=transport or aiohttp_transport(),
    )
