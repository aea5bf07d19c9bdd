"""
A consumer's view of its stream, as the client's half of the metrics, in its own process.

Knows metrics and a clock; decides nothing.
"""

from collections.abc import Callable

from sse_observe.errors import SettingsError
from sse_observe.metrics import NETWORKS
from sse_observe.registry import SSEMetrics

# The year 5138: far enough, and a whole number that everybody holds exactly.
_LATEST_MS = 10**14
_LONGEST_DELAY_SECONDS = 3600


class Observation:
    """The counts of one stream; `route` is a template or a name, never a URL with an id in it."""

    def __init__(
        self,
        metrics: SSEMetrics,
        route: str,
        *,
        user_segment: str,
        network_type: str,
        clock: Callable[[], float],
    ) -> None:
        if network_type not in NETWORKS:
            raise SettingsError(
                f"network_type={network_type!r} is unknown; choose of {', '.join(NETWORKS)}"
            )
        self._metrics = metrics
        self._route = route
        self._segment = user_segment
        self._network = network_type
        self._clock = clock
        self._lost_at: float | None = None
        self._stalled_at: float | None = None
        self._best: float | None = None
        self._opened = False
        # The one that is counted for every event.
        self._events = metrics.counter("sse_client_events_received_total", route, network_type)
        metrics.zero(route, "client")
        metrics.zero_segment(route, user_segment, network_type, "client")

    def opened(self) -> None:
        """Record that a connection is open; after a loss, how long that took."""
        self._opened = True
        self._best = None
        if self._lost_at is not None:
            took = self._clock() - self._lost_at
            name = "sse_reconnect_time_seconds"
            self._metrics.histogram(name, self._route, self._network).observe(took)
            self._lost_at = None

    def disconnected(self) -> None:
        """Record that an open connection is gone."""
        if self._lost_at is None:
            self._lost_at = self._clock()

    def stalled(self) -> None:
        """Count that nothing came for too long."""
        if self._stalled_at is None:
            self._stalled_at = self._clock()
        self._seen("sse_stall_detections_total", 1)

    def arrived(self) -> None:
        """Record any event: a stall is over."""
        if self._stalled_at is not None:
            took = self._clock() - self._stalled_at
            self._metrics.histogram("sse_stall_recovery_seconds", self._route).observe(took)
            self._stalled_at = None

    def stamped(self, sent_ms: object, *, observe: bool) -> None:
        """
        Take the time at which the server says that it sent something.

        The clocks need not agree: what counts is how much later than the best it came.
        """
        if isinstance(sent_ms, bool) or not isinstance(sent_ms, int | float):
            return
        # Also false for what is no number at all.
        if not 0 <= sent_ms <= _LATEST_MS:
            return
        offset = self._clock() - sent_ms / 1000
        if self._best is not None and abs(offset - self._best) > _LONGEST_DELAY_SECONDS:
            # The server's clock was set; nothing is so late.
            self._best = None
        best = self._best = offset if self._best is None else min(self._best, offset)
        if observe:
            self._metrics.histogram("sse_event_delay_seconds", self._route).observe(offset - best)

    def received(self) -> None:
        """Count a payload event, new or not."""
        self._events.inc()

    def duplicated(self) -> None:
        """Count an event that came twice and was dropped."""
        self._seen("sse_duplicate_events_total", 1)

    def lost(self, events: int) -> None:
        """Count events that are missing and that the server did not announce as lost."""
        self._seen("sse_message_loss_total", events)

    def shown(self, message: str) -> None:
        """Count a status that was shown to somebody."""
        self._metrics.counter("sse_ui_messages_shown_total", self._route, message).inc()

    def ended(self, outcome: str) -> None:
        """Count the stream's outcome, once; a stream that was never open has none but `failed`."""
        if outcome != "failed" and not self._opened:
            return
        labels = self._route, outcome, self._segment, self._network
        self._metrics.counter("sse_client_streams_total", *labels).inc()

    def _seen(self, name: str, count: int) -> None:
        self._metrics.counter(name, self._route, "client").inc(count)
