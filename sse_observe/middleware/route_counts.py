"""
Everything that is counted on one route, in plain numbers.

No behaviour that the message path would have to wait for.
"""

from sse_observe.metrics import METRICS
from sse_observe.middleware.message_counts import MessageCounts
from sse_observe.middleware.routes import StreamRoute
from sse_observe.registry.counts import Distribution, Keyed, moves

DURATION_BOUNDS = METRICS["sse_stream_duration_seconds"].buckets


class RouteCounts(MessageCounts, shared=("route",)):
    """Everything counted on one route since the last flush."""

    open: int = moves("sse_concurrent_streams")
    silent: int = moves("sse_silent_streams")
    stalled: int = moves("sse_stalled_streams")
    late: int = moves("sse_late_streams")
    orphaned: int = moves("sse_orphaned_streams")
    unconfirmed: int = moves("sse_unconfirmed_streams")
    unread_seconds: float = moves("sse_unread_seconds_total")
    unread_events: int = moves("sse_unread_events_total")
    opened: Keyed = moves("sse_streams_opened_total")
    closed: Keyed = moves("sse_streams_closed_total")
    judged: Keyed = moves("sse_streams_judged_total")
    cuts: Keyed = moves("sse_cuts_total")
    rejected: Keyed = moves("sse_open_rejected_total")
    failed: Keyed = moves("sse_streams_failed_total")
    response_faults: Keyed = moves("sse_response_faults_total")
    durations: Distribution = moves("sse_stream_duration_seconds")
    first_events: Distribution = moves("sse_time_to_first_event_seconds")
    gaps: Distribution = moves("sse_event_gap_seconds")
    content_gaps: Distribution = moves("sse_content_gap_seconds")
    empty: int = moves("sse_streams_empty_total")
    unreadable: int = moves("sse_streams_unreadable_total")
    flowing_seconds: float = moves("sse_stream_seconds_total", state="flowing")
    stalled_seconds: float = moves("sse_stream_seconds_total", state="stalled")
    blocked_seconds: float = moves("sse_send_blocked_seconds_total")
    stalls: int = moves("sse_stall_detections_total", seen_by="server")
    events: Keyed = moves("sse_events_sent_total")
    sent_bytes: int = moves("sse_sent_bytes_total")
    sizes: Distribution = moves("sse_event_size_bytes")
    lost: int = moves("sse_message_loss_total", seen_by="server")
    duplicated: int = moves("sse_duplicate_events_total", seen_by="server")
    resumes: Keyed = moves("sse_resumes_total")
    replayed: int = moves("sse_replayed_events_total")
    evicted: int = moves("sse_replay_evicted_events_total")
    buffered: int = moves("sse_replay_buffer_events")
    sent_segments: Keyed = moves("sse_tcp_sent_segments_total")
    retransmitted_segments: Keyed = moves("sse_tcp_retransmitted_segments_total")
    rtts: Distribution = moves("sse_tcp_rtt_seconds")
    unsent_bytes: int = moves("sse_tcp_unsent_bytes")

    __slots__ = ("is_used", "sends_streams", "streams")

    def __init__(self, label: str, config: StreamRoute) -> None:
        self.is_used = False
        """Whether anything was ever counted here."""
        self.streams = 0
        """Streams that were ever opened, as far as they are written down."""
        self.sends_streams = False
        """Whether the route is declared, or has sent a stream before."""
        super().__init__(label, config)

    def complete(self) -> None:
        """Turn what the message path counted into events, bytes, sizes and gaps."""
        self.is_used = True
        self.streams += sum(self.opened.values())
        super().complete()
