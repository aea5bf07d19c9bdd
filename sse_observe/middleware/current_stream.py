"""
`current_stream()`: facts that only the application knows of the stream that it is answering.

Works everywhere inside a request, also before the response starts. Where no middleware is
installed it does nothing.
"""

from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Protocol, cast

from sse_observe.metrics import OTHER, RESUME_OUTCOMES
from sse_observe.middleware.greeting import EventFields, frame, greeting
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.middleware.routes import StreamRoute
from sse_observe.middleware.stream import NOTHING_STATED, OVER, Overrides, Stream
from sse_observe.registry import SSEMetrics
from sse_observe.registry.receipt import Receipt

CURRENT: ContextVar[Stream | None] = ContextVar("sse_observe_stream", default=None)

_SAYABLE = ("cancelled", "rotated", "server_error", "shutdown", "slow_consumer")


class Owner(Protocol):
    """The middleware of a stream, as far as the application's words concern it."""

    metrics: SSEMetrics

    def counts_of(self, stream: Stream) -> RouteCounts:
        """Return what is counted on the stream's route, as far as that is known yet."""

    def labels_of(self, stream: Stream) -> tuple[str, str]:
        """Return the stream's user segment and network type."""

    def cursor_of(self, stream: Stream) -> str | None:
        """Return the id that the stream's client asked to resume from."""

    def counting(self, stream: Stream) -> AbstractContextManager[RouteCounts]:
        """Give the counts of the stream's route, to be added to in the block."""


class CurrentStream:
    """
    The stream of the running request.

    Numbers are whole and not negative; anything else is a mistake of the caller and raises
    ValueError, with or without a middleware.
    """

    def __init__(self, stream: Stream | None) -> None:
        self._stream = stream
        self._unobserved = NOTHING_STATED

    def hello(
        self,
        *,
        stream: str | None = None,
        resumed_from: str | None = None,
        replayed: int | None = None,
        lost: int | None = None,
        heartbeat_seconds: float | None = None,
    ) -> bytes:
        """
        Return the first frame of a connection, ready to send as bytes.

        For frameworks that send events instead of bytes there is `hello_event()`.

        Announces what the replay gave and could not give: `replayed` and `lost` events after the
        id `resumed_from`; by default what `replayed()` and `lost()` were told before, and after
        `resume("full")` or `resume("gap")` the cursor that the client sent. Counts nothing itself.
        `stream` is the name by which a client that has seen no event yet may ask again.
        `heartbeat_seconds` is the route's, unless the application knows better.
        """
        return frame(
            self.hello_event(
                stream=stream,
                resumed_from=resumed_from,
                replayed=replayed,
                lost=lost,
                heartbeat_seconds=heartbeat_seconds,
            )
        )

    def hello_event(
        self,
        *,
        stream: str | None = None,
        resumed_from: str | None = None,
        replayed: int | None = None,
        lost: int | None = None,
        heartbeat_seconds: float | None = None,
    ) -> EventFields:
        """
        Return the same as the fields of an event: `event`, `data` and `retry`.

        `stream`, `resumed_from`, `replayed`, `lost` and `heartbeat_seconds` are those of `hello()`.
        Made for `ServerSentEvent(**current_stream().hello_event())`, FastAPI's or
        sse-starlette's; `str()` of the data is its JSON for all others.
        """
        inner = self._stream
        stated = self._unobserved if inner is None else inner.overrides
        heartbeat, token = heartbeat_seconds, None
        if inner is not None:
            owner = _owner(inner)
            route = owner.counts_of(inner)
            if heartbeat is None:
                heartbeat = route.config.heartbeat_seconds
            token = self._report_token(inner)
            if resumed_from is None and stated.continues:
                resumed_from = owner.cursor_of(inner)
        return greeting(
            {
                "stream": stream,
                "resumed_from": resumed_from,
                "replayed": stated.replayed if replayed is None else _number(replayed),
                "lost": stated.lost if lost is None else _number(lost),
                "heartbeat_seconds": heartbeat,
                "report_token": token,
            }
        )

    def _report_token(self, stream: Stream) -> str | None:
        """Return the token of this stream's reports, the same however often it is asked for."""
        owner = _owner(stream)
        if not owner.metrics.takes_reports:
            return None
        stated = self._overrides()
        if stated.receipt is None:
            client = stream.scope.get("client")
            receipt = stated.receipt = Receipt(client[0] if client else "")
            if stream.live:
                receipt.begin(stream)
            label, labels = owner.counts_of(stream).label, owner.labels_of(stream)
            receipt.token = owner.metrics.report_token(label, *labels, receipt)
        return stated.receipt.token

    def resume(self, outcome: str) -> None:
        """
        Say what the replay could give: `outcome` is full, gap, unknown_stream or malformed.

        Raises ValueError for another word. From then on nothing is inferred from this stream's ids:
        say `lost()` and `duplicated()` too.
        """
        if outcome not in RESUME_OUTCOMES:
            raise ValueError(f"{outcome!r} is none of {', '.join(RESUME_OUTCOMES)}")
        stated = self._overrides()
        stated.judges_resume = True
        stated.continues = outcome in ("full", "gap")
        with self._counting(replay=True) as counts:
            counts.resumes[outcome,] += 1

    def replayed(self, n: int = 1) -> None:
        """Say that `n` events were sent again."""
        with self._counting(replay=True) as counts:
            counts.replayed += _number(n)
        self._overrides().replayed += n

    def evicted(self, n: int = 1) -> None:
        """Say that `n` events were dropped from the replay buffer to keep it bounded."""
        with self._counting(replay=True) as counts:
            counts.evicted += _number(n)

    def lost(self, n: int = 1) -> None:
        """Say that `n` events are gone for good: neither delivered nor replayable."""
        with self._counting() as counts:
            counts.lost += _number(n)
        self._overrides().lost += n

    def duplicated(self, n: int = 1) -> None:
        """Say that `n` events at or before the client's cursor were sent again."""
        with self._counting() as counts:
            counts.duplicated += _number(n)

    def buffered(self, n: int) -> None:
        """Say that this process holds `n` events for replay on this route, in all its streams."""
        with self._counting(replay=True) as counts:
            counts.buffered = _number(n)

    def polled(self) -> None:
        """Say that this answer is a poll: a backlog that ends, not a stream that was cut."""
        self._overrides().polled = True

    def end_reason(self, reason: str) -> None:
        """
        Say why the stream is about to end, where its end does not show it: the `reason`.

        `slow_consumer`, `server_error` or `shutdown`: to the client all three may look like an
        orderly end. `cancelled`: its user stopped it, which counts neither for nor against it.
        `rotated`: a feed is renewed on purpose, and its client comes back; it has neither
        completed nor failed. A finite stream without event ids cannot be taken up again, so for
        one it changes nothing.
        Raises ValueError for another word.
        """
        if reason not in _SAYABLE:
            raise ValueError(f"{reason!r} is not yours to say; choose of {', '.join(_SAYABLE)}")
        self._overrides().reason = reason

    def _overrides(self) -> Overrides:
        """Return what the application states of its stream; without a stream only we read it."""
        stated = self._unobserved if self._stream is None else self._stream.overrides
        if stated is NOTHING_STATED:
            stated = Overrides()
            if self._stream is None:
                self._unobserved = stated
            else:
                self._stream.overrides = stated
        return stated

    def _counting(self, *, replay: bool = False) -> AbstractContextManager[RouteCounts]:
        """Give what is counted on the route; without a stream, counts that nobody reads."""
        stream = self._stream
        if stream is None or _is_over(stream):
            return nullcontext(RouteCounts(OTHER, StreamRoute()))
        owner = _owner(stream)
        if replay:
            # A rate does not see the first event of a series that begins at 1: all begin now, at 0.
            owner.metrics.zero(owner.counts_of(stream).label, "replay")
        return owner.counting(stream)


def current_stream() -> CurrentStream:
    """Return the stream of the running request, or a stand-in that counts nothing."""
    stream = CURRENT.get()
    return CurrentStream(None if stream is not None and _is_over(stream) else stream)


def _is_over(stream: Stream) -> bool:
    """Tell whether its request has ended without a stream."""
    return stream.scope is OVER and not stream.is_stream


def _owner(stream: Stream) -> Owner:
    return cast(Owner, stream.owner)


def _number(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"{n!r} is no number of events; give a whole number, 0 or more")
    return n
