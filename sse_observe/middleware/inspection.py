"""
A look at one open stream, once a second: what only time shows, and a client that nobody missed.

Knows one stream at a time; which ones are open is the tracker's business.
"""

from sse_observe.contract import SILENT_INTERVALS
from sse_observe.middleware import judgement
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.server_state import peek
from sse_observe.middleware.stream import Stream
from sse_observe.middleware.tick import TICK_SECONDS

# Whoever is going to ask the server has done so by then.
_ASKS_WITHIN = 2 * TICK_SECONDS


class Inspection:
    """Looks at streams; remembers only the routes of which it has said that leavers go unseen."""

    def __init__(self) -> None:
        self._unseen: set[str] = set()

    def look(self, stream: Stream, now: float, passed: float) -> bool:
        """See what has become of a stream in the seconds that passed; tell whether it ended."""
        if stream.accepted_at is not None and now - stream.accepted_at >= TICK_SECONDS:
            # All was delivered a while ago; what still runs is a task in the background.
            stream.owner.accepted(stream)
            return True
        if not stream.gone:
            gone = peek(stream.receive)
            if gone:
                # Whoever only sends is never told that nobody reads.
                stream.owner.left(stream)
                return True
            if gone is None and not stream.asked and now - stream.opened_at >= _ASKS_WITHIN:
                self._warn(stream.counts.label)
        stream.update_totals(now)
        if stream.counts.is_limited and stream.accepted_at is None:
            judgement.look(stream, now)
        interval = stream.counts.config.heartbeat_seconds
        if interval is not None:
            since = max(stream.written_at, stream.opened_at)
            silent = now - since > SILENT_INTERVALS * interval
            stream.counts.silent += silent - stream.silent
            stream.silent = silent
        if stream.coro is not None:
            if getattr(stream.coro, "cr_frame", None) is None:
                stream.coro = None
            elif stream.coro.cr_suspended:
                stream.counts.blocked_seconds += passed
        return False

    def _warn(self, route: str) -> None:
        if route not in self._unseen:
            self._unseen.add(route)
            LOGGER.warning(
                "%s: a client that leaves goes unseen: the application never calls receive(), and "
                "the server shows it nowhere else; declare StreamRoute(watch_disconnect=True)",
                route,
            )
