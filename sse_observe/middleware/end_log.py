"""
One log line for each stream that ended badly, at most some in a second.

Writes the facts of one end; decides nothing.
"""

import logging
from collections.abc import Callable

from sse_observe.metrics import FAILURES
from sse_observe.middleware.stream import Stream

LOGGER = logging.getLogger("sse_observe")

# An application that ends badly does so thousands of times; ten lines a second tell as much.
LINES_PER_SECOND = 10
QUIET_ENDS = frozenset({"completed", "rotated", "already_complete", "polled"})


class EndLog:
    """The log lines of one process; none while `enabled` is False."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.enabled = True
        self._clock = clock
        self._second = 0.0
        self._lines = 0
        self._suppressed = 0
        self._misdeclared: set[str] = set()

    def write(self, stream: Stream, age: float, silence: float) -> None:
        """Tell of a stream that has ended badly, unless too many did within this second."""
        level = logging.WARNING if stream.reason in FAILURES else logging.INFO
        if not (self.enabled and LOGGER.isEnabledFor(level) and self._may_write()):
            return
        suppressed, self._suppressed = self._suppressed, 0
        fields = {
            "route": stream.counts.label,
            "reason": stream.reason,
            "age": round(age, 3),
            "silence": round(silence, 3),
            "events": stream.events,
            "bytes": stream.bytes,
            **_why(stream),
            "suppressed": suppressed,
        }
        text = " ".join(f"{name}={value}" for name, value in fields.items())
        LOGGER.log(level, "stream ended %s", text, extra={"sse": fields})
        if "missing" in fields:
            self._doubt_declaration(stream)

    def _doubt_declaration(self, stream: Stream) -> None:
        """Say, once for a route, that the terminal which it declares has never come."""
        counts, reader = stream.counts, stream.reader
        never_came = reader is None or not reader.ends
        if never_came and counts.names is not None and counts.label not in self._misdeclared:
            self._misdeclared.add(counts.label)
            config = counts.config
            LOGGER.warning(
                "%s: a stream ended without %s; saw %s. If it was whole, declare how such "
                "streams end: StreamRoute(terminal_events=...)",
                counts.label,
                " or ".join(map(repr, (*config.terminal_events, *config.terminal_data))),
                counts.names,
            )

    def _may_write(self) -> bool:
        now = self._clock()
        if now - self._second >= 1:
            self._second = now
            self._lines = 0
        if self._lines >= LINES_PER_SECOND:
            self._suppressed += 1
            return False
        self._lines += 1
        return True


def _why(stream: Stream) -> dict[str, str]:
    """Return what the stream stated itself, in words that are no message of anybody's."""
    if stream.failure:
        return {"error": stream.failure}
    if stream.reason == "server_error" and stream.accepted_at is not None:
        # The usual cause is a wrong declaration, which looks like an outage.
        return {"missing": "terminal"} if not stream.terminal else {}
    return {}
