"""
The events of one stream as they arrive: what is given out of them, and when the stream is over.

Knows events, ids and what they state; knows neither bytes nor connections.
"""

import json
from collections.abc import Callable, Mapping

from sse_observe.consumer.endpoint import Endpoint
from sse_observe.consumer.failure import LostError, StreamFailedError, stated_failure
from sse_observe.consumer.observation import Observation
from sse_observe.consumer.repetition import OtherAnswerError, Repetition
from sse_observe.consumer.request import Request
from sse_observe.consumer.sequence import EventSequence, Gap
from sse_observe.consumer.statement import End, Statement
from sse_observe.consumer.waiting import Limits
from sse_observe.contract import DONE_DATA, HEARTBEATS, HELLO
from sse_observe.wire import Block, Event

# A heartbeat that is announced for later than this is none.
_LONGEST_HEARTBEAT_SECONDS = 3600

# The data of a terminal that carries nothing: nobody could read it as an answer's last piece.
_MARKS = ("", "{}", DONE_DATA)

Item = tuple[Event | Gap, str]
"""An event or a gap, and the cursor after it."""


class Intake:
    """
    The intake of one stream, over all its connections.

    `is_over` is True once an event came after which nothing is to be read.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        sequence: EventSequence,
        statement: Statement,
        limits: Limits,
        observation: Observation,
        *,
        on_token: Callable[[object], None] = lambda _: None,
    ) -> None:
        self._endpoint = endpoint
        self._sequence = sequence
        self._statement = statement
        self._limits = limits
        self._observation = observation
        self._on_token = on_token
        self._repetition = Repetition() if endpoint.may_be_answered_twice else None
        self._held: list[Item] = []
        self._is_safe = True
        self.is_over = False
        self.events = 0
        """Those of all kinds that came."""

    def connected(self, request: Request) -> None:
        """Begin a connection, over which this request goes."""
        cursor = self._sequence.cursor
        self._is_safe = request.is_safe
        self._sequence.connected()
        self._statement.connected()
        self._limits.asked(is_safe=request.is_safe, has_content=self._statement.has_content)
        self._held.clear()
        if self._repetition is not None:
            self._repetition.begin(may_go_on=request.is_safe or bool(cursor))

    def answered(self, headers: Mapping[str, str]) -> None:
        """Take the headers of the answer."""
        self._statement.answered(headers)

    def take(self, block: Block) -> list[Item]:
        """Return what a block means for the caller; StreamFailedError where it is the end."""
        event, event_id = block
        if event_id is not None and (event is None or event.type in HEARTBEATS):
            self._sequence.moved(event_id)
        if event is None:
            return []
        self.events += 1
        self._observation.arrived()
        if event.type == HELLO:
            self._greeted(_fields(event.data))
            return []
        if event.type in HEARTBEATS:
            self._observation.stamped(_fields(event.data).get("t"), observe=True)
            return []
        statement = self._statement
        self.is_over = statement.take(event)
        if self.is_over:
            last = [] if event.data in _MARKS else [(event, self._sequence.cursor)]
            return [*self.over(), *last]
        fails = statement.end is End.FAILED and not self._is_feed
        # A GET may go on after the end of one answer in it.
        ends = statement.end is not None and not self._is_safe
        self._limits.expect_last_word(expected=ends or fails)
        if statement.has_content:
            self._limits.content_came()
        self._observation.received()
        items = [(item, self._sequence.cursor) for item in self._new(event, event_id)]
        if fails:
            # Unless something follows that takes it back, it is the error's.
            self._held += items
            return []
        items, self._held = [*self._held, *items], []
        return items

    def _new(self, event: Event, event_id: str | None) -> list[Event | Gap]:
        """Return an event with the gap before it; nothing where it came before."""
        if self._is_repeated(event):
            self._observation.duplicated()
            return []
        arrival = self._sequence.arrived(event, event_id)
        if arrival.duplicate:
            self._observation.duplicated()
            return []
        if arrival.unannounced:
            self._observation.lost(arrival.unannounced)
        return [event] if arrival.gap is None else [arrival.gap, event]

    def _is_repeated(self, event: Event) -> bool:
        if self._repetition is None:
            return False
        try:
            return self._repetition.repeats(event)
        except OtherAnswerError as error:
            raise StreamFailedError(f"{self._endpoint}: {error}", reason="interrupted") from None

    @property
    def _is_feed(self) -> bool:
        """Whether it may be a feed in which `error` is an event like any other."""
        return self._is_safe and self._statement.is_plain

    @property
    def expects_more(self) -> bool:
        """Whether the stream has not stated its end."""
        return self._statement.end is None

    def ended(self, loss: LostError | None) -> End:
        """
        Return how the stream has ended with its connection: in order, or by a loss.

        Raises the loss where the stream has more to come, StreamFailedError where it has failed.
        """
        statement = self._statement
        if loss is not None and self._is_feed:
            raise loss
        if statement.failure is not None:
            raise stated_failure(self._endpoint, statement.failure)
        if statement.end is not None:
            return statement.end
        if loss is None and not (self._is_safe or statement.demands_terminal):
            # The answer to a question is whole where it ends, whatever its protocol.
            return End.WHOLE
        raise loss or LostError("the connection ended before the stream did")

    def over(self) -> list[Item]:
        """Return what is left to say at the end; StreamFailedError where that is a failure."""
        if self._statement.failure is not None:
            raise stated_failure(self._endpoint, self._statement.failure)
        gap = self._sequence.finished()
        return [] if gap is None else [(gap, self._sequence.cursor)]

    def _greeted(self, hello: Mapping[str, object]) -> None:
        stream = hello.get("stream")
        if isinstance(stream, str) and stream:
            self._endpoint.greeted(stream)
        self._sequence.greeted(hello)
        self._on_token(hello.get("report_token"))
        heartbeat = hello.get("heartbeat_seconds")
        if (
            isinstance(heartbeat, int | float)
            and heartbeat is not True
            and 0 < heartbeat < _LONGEST_HEARTBEAT_SECONDS
        ):
            self._limits.heartbeat_seconds = heartbeat
        self._observation.stamped(hello.get("server_time"), observe=False)


def _fields(data: str) -> dict[str, object]:
    """Return the JSON object of one of the contract's own events; nothing where it is none."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
