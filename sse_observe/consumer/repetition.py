"""
An answer that is given a second time, to a request that was sent again under its key.

What was given out of the first is passed over in the second, event by event. Remembers a number
for each event, no text.
"""

from array import array

from sse_observe.wire import Event

# 8 MB of them.
_MOST_EVENTS = 1_000_000


class OtherAnswerError(Exception):
    """The second answer is not the first: the server does not keep the key."""


class Repetition:
    """The events of one answer, in order, as far as they came; `begin()` starts it over."""

    def __init__(self, most_events: int = _MOST_EVENTS) -> None:
        self._most = most_events
        self._marks = array("q")
        self._at = 0
        self._is_second = self._may_go_on = False

    def begin(self, *, may_go_on: bool) -> None:
        """Begin an answer; `may_go_on`: it was asked for after a cursor, and may begin there."""
        self._at = 0
        self._is_second = bool(self._marks)
        self._may_go_on = may_go_on

    def repeats(self, event: Event) -> bool:
        """Return whether an event is the next of those that came before; remember a new one."""
        mark = hash((event.type, event.data, event.last_event_id))
        if self._at < len(self._marks):
            if mark == self._marks[self._at]:
                self._at += 1
                return True
            if self._at or not self._may_go_on:
                raise OtherAnswerError("another answer came under the same idempotency_key")
            self._at = len(self._marks)
        if len(self._marks) == self._most:
            if self._is_second:
                raise OtherAnswerError("the answer is too long to go on under idempotency_key")
            return False
        self._marks.append(mark)
        self._at += 1
        return False
