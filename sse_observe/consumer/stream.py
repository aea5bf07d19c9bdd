"""
`resume_stream()`: read an event stream to its end, over as many connections as that takes.

Checks what it is asked for and puts the reading together; the reading itself stands next door.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from random import random as system_random
from types import TracebackType
from typing import Self

from sse_observe.consumer.backoff import Backoff
from sse_observe.consumer.endpoint import Endpoint, Resume
from sse_observe.consumer.intake import Intake
from sse_observe.consumer.observation import Observation
from sse_observe.consumer.reading import OnStatus, Reading, Surroundings
from sse_observe.consumer.reporter import Reporter, report_request
from sse_observe.consumer.request import is_sendable, new_request, with_query
from sse_observe.consumer.sequence import EventSequence, Gap
from sse_observe.consumer.statement import Statement
from sse_observe.consumer.transport import Transport, aiohttp_transport
from sse_observe.consumer.waiting import Limits
from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, OTHER
from sse_observe.protocols import AUTO, NONE, PROTOCOLS
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.wire import MOST_EVENT_BYTES, Event

_RUNNING: set[asyncio.Task[None]] = set()
"""Held here, as the loop itself does not: a task that is collected cannot close what it opened."""


class ResumedStream:
    """
    The events of one stream, and the gaps in it, in order; see `resume_stream`.

    One task iterates; any task of the same loop may `close()`. Giving up one wait, as
    `asyncio.wait_for(anext(stream), 1)` does, does not end it: the next one goes on. It is read
    in a task of its own, from the first `anext` until its end, `close()`, the end of
    `async with`, or until nobody holds it any more.
    """

    def __init__(self, reading: Reading, last_event_id: str) -> None:
        self._reading = reading
        self._task: asyncio.Task[None] | None = None
        self.cursor = last_event_id
        """The id to resume from: that of the last event given out, if it can be sent."""

    @property
    def stream(self) -> str | None:
        """The name that the server gave to the stream."""
        return self._reading.endpoint.stream

    @property
    def status(self) -> str:
        """
        The status to show to a person.

        One of connecting, live, waiting, reconnecting, complete, failed.
        """
        return self._reading.status

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | Gap:
        if self._task is None:
            self._task = asyncio.create_task(self._reading.run())
            _RUNNING.add(self._task)
            self._task.add_done_callback(_RUNNING.discard)
        item, self.cursor = await self._reading.out.get()
        return item

    def close(self) -> None:
        """Stop now: what waits ends at once, and nothing reconnects later."""
        self._reading.out.drop()
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Stop, and wait until the connection is gone."""
        self.close()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        task = self._task
        if task is not None and not task.done() and not task.get_loop().is_closed():
            # From whatever thread it is that collects.
            task.get_loop().call_soon_threadsafe(task.cancel)


def resume_stream(
    url: str,
    *,
    method: str | None = None,
    json: object = None,
    content: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
    resume: Resume | None = None,
    route: str = OTHER,
    last_event_id: str = "",
    protocol: str = AUTO,
    terminal_events: tuple[str, ...] = (),
    error_events: tuple[str, ...] = ("error",),
    dense_ids: bool | None = None,
    stall_seconds: float | None = None,
    connect_seconds: float | None = None,
    first_event_timeout: float | None = None,
    max_retries: int | None = None,
    user_segment: str = ALL_USERS,
    network_type: str = "unknown",
    max_event_bytes: int = MOST_EVENT_BYTES,
    on_status: OnStatus | None = None,
    report_to: str | None = None,
    metrics: SSEMetrics | None = None,
    transport: Transport | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = system_random,
) -> ResumedStream:
    """
    Read an event stream as a resilient consumer: iterate over its events and its gaps.

    Yields `Event` for what the application sent, its terminal event included where that carries
    data (`[DONE]` and `{}` are none), and `Gap` where events are gone for good. Ends with the
    stream, and raises StreamFailedError, with its `reason` and the server's own words, where it
    has failed or asking again is useless. In between it reconnects as long as it takes, or
    `max_retries` times in a row.

    **What is asked twice.** A GET, whenever its connection ends before its stream does. Any
    other request (`method`, or POST where `json` or `content` is given) is sent once: an answer
    that ended in order is complete; one that broke off is resumed by GET where the server's
    hello gave the stream a name, at the same URL or at the one that `resume(stream, cursor)`
    returns (None: as usual); with `idempotency_key`, which is then sent as `Idempotency-Key` each
    time, the request is sent again, and what came before is not given out twice; otherwise it
    has failed, with the reason `interrupted`.

    **What ends it.** The event `done`, the data `[DONE]`, and 204; the terminal and the failure of
    its `protocol`, which is recognised by itself (`auto`, or a name as in `StreamRoute`);
    `error_events`, unless content follows within a second. `terminal_events` replace the first
    two; when set, an answer that ends without any terminal broke off. In a GET of no known
    protocol an `error` is an event like any other, until the stream ends with it.

    **How long it waits**, in seconds. `connect_seconds`: for the head of an answer; 10, and
    without limit for what is not asked twice. `first_event_timeout`: from the request to the
    first content; without limit. `stall_seconds`: silence, that is, no byte; 2.5 heartbeats as
    the server announces them, else 30; for what is not asked twice no limit before the first
    content, and 600 after it.

    **What is sent.** `url` is asked with your `headers`, from the event after `last_event_id` on
    where you have seen some. `user_segment` and `network_type` label its metrics.

    `report_to` is where the service takes beacon reports, as `/sse/deltas`, relative to `url`:
    there it is told each minute that the stream is still read, where its hello brought a token.
    Your `headers` go there too, unless it is of another origin.

    `route` labels its metrics too: a template, never a URL. `dense_ids` says that ids are
    `<seq>-<epoch>` without holes where no greeting of the server shows it. `on_status` is called
    with what to show to a person, the number of the attempt, and the reason: why it reconnects,
    waits or has failed, else no text. While nothing can be opened, one line a minute of the log
    says so too. An event of more than `max_event_bytes` (8 MiB) is not read: the stream has failed,
    with the reason `unreadable`. `metrics` are those of another registry than the default one;
    `transport` is another way to connect; `clock`, `sleep` and `random` are for tests. Raises
    SettingsError for what can never be right.
    """
    first = new_request(url, method, headers or {}, json, content)
    _check_times(
        stall_seconds=stall_seconds,
        connect_seconds=connect_seconds,
        first_event_timeout=first_event_timeout,
        max_event_bytes=max_event_bytes,
    )
    _check_names(
        protocol, last_event_id, terminal_events=terminal_events, error_events=error_events
    )
    if network_type != "unknown":
        first = first.at(with_query(url, network_type=network_type))
    endpoint = Endpoint(first, idempotency_key=idempotency_key, resume=resume)
    observation = Observation(
        chosen_metrics(metrics, "resume_stream"),
        route,
        user_segment=user_segment,
        network_type=network_type,
        clock=clock,
    )
    limits = Limits(
        connect_seconds=connect_seconds,
        stall_seconds=stall_seconds,
        first_event_timeout=first_event_timeout,
    )
    sequence = EventSequence(last_event_id, dense=dense_ids)
    statement = Statement(
        protocol_name=protocol, terminal_events=terminal_events, error_events=error_events
    )
    transport = transport or aiohttp_transport()
    reports = None if report_to is None else report_request(report_to, url, headers or {})
    reporter = Reporter(reports, transport, sleep=sleep, random=random)
    reading = Reading(
        endpoint,
        sequence,
        Intake(endpoint, sequence, statement, limits, observation, on_token=reporter.greeted),
        limits=limits,
        backoff=Backoff(random),
        observation=observation,
        surroundings=Surroundings(
            transport=transport,
            reporter=reporter,
            max_retries=max_retries,
            on_status=on_status,
            max_event_bytes=max_event_bytes,
            clock=clock,
            sleep=sleep,
        ),
    )
    return ResumedStream(reading, last_event_id)


def _check_times(**seconds: float | None) -> None:
    for name, value in seconds.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise SettingsError(f"resume_stream: {name}={value!r} is wrong; give more than 0")


def _check_names(protocol: str, last_event_id: str, **events: object) -> None:
    known = (AUTO, NONE.name, *PROTOCOLS)
    if protocol not in known:
        raise SettingsError(
            f"resume_stream: protocol={protocol!r} is unknown; choose of {', '.join(known)}"
        )
    if not isinstance(last_event_id, str) or not is_sendable(last_event_id):
        raise SettingsError(
            f"resume_stream: last_event_id={last_event_id!r} is wrong; give an id, as text"
        )
    for name, value in events.items():
        if not isinstance(value, tuple | list) or not all(isinstance(e, str) for e in value):
            raise SettingsError(
                f'resume_stream: {name}={value!r} is wrong; give a tuple, as in ("done",)'
            )
