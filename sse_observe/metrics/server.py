"""Metrics of what a server's middleware sees of its streams."""

from sse_observe.metrics.labels import (
    CAUSES,
    CUT_LIMITS,
    CUT_SINCE,
    EVENTS,
    GOODPUT_LIMITS,
    JUDGEMENTS,
    KINDS,
    REASONS,
    REJECTED_STATUSES,
    RESPONSE_FAULTS,
    ROUTE,
    STARTS,
    STREAM,
    STREAM_STATES,
)
from sse_observe.metrics.model import Metric

# 1 s … 24 h: a chat answer, a long answer, a feed, a wall screen.
_DURATION = (1, 5, 15, 30, 60, 120, 300, 900, 3600, 43200, 86400)
# Reasoning models have been seen to think for five minutes.
_FIRST_EVENT = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60, 120, 300)
# The default heartbeat (10 s) and the default stall limit (30 s) are bounds.
_GAP = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# The pace of tokens, and the holes in it.
_CONTENT_GAP = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30, 60)
# 1024: an event should be smaller than 1 KB.
_SIZE = (64, 256, 512, 1024, 2048, 4096, 8192, 65536, 1048576)

METRICS = (
    Metric("sse_concurrent_streams", "gauge", ROUTE, "Event streams that are open now."),
    Metric(
        "sse_silent_streams",
        "gauge",
        ROUTE,
        "Open streams that sent no byte for 2.5 heartbeat intervals.",
    ),
    Metric(
        "sse_stalled_streams",
        "gauge",
        ROUTE,
        "Open streams that sent no payload event for the route's stall limit; "
        "heartbeats do not count.",
    ),
    Metric(
        "sse_orphaned_streams",
        "gauge",
        ROUTE,
        "Streams whose client is known to be gone while the application still runs.",
    ),
    Metric(
        "sse_unread_seconds_total",
        "counter",
        ROUTE,
        "Time that applications went on with a stream after its client had left.",
    ),
    Metric(
        "sse_unread_events_total",
        "counter",
        ROUTE,
        "Events that applications produced after their client had left.",
    ),
    Metric(
        "sse_streams_opened_total",
        "counter",
        {**ROUTE, "start": STARTS, **STREAM},
        "Connections opened; `resumed` ones carried a Last-Event-ID.",
        at_zero=False,
    ),
    Metric(
        "sse_streams_closed_total",
        "counter",
        {**ROUTE, "reason": REASONS, **STREAM},
        "Connections closed, by how they ended, as far as the server shows it.",
        at_zero=False,
    ),
    Metric(
        "sse_streams_failed_total",
        "counter",
        {**ROUTE, "cause": CAUSES},
        "Streams that failed, or came late or empty, by whose fault it was, as far as there is "
        "evidence.",
    ),
    Metric(
        "sse_streams_judged_total",
        "counter",
        # The one place where we say "verdict": the label's name was given.
        {**ROUTE, "verdict": JUDGEMENTS, **STREAM},
        "Finite streams judged at their end: good, or by the first limit that they broke. A user "
        "who stops before any breach is outside.",
        at_zero=False,
    ),
    Metric(
        "sse_late_streams",
        "gauge",
        ROUTE,
        "Open streams that have broken a limit of goodput already.",
    ),
    Metric(
        "sse_cuts_total",
        "counter",
        {**ROUTE, "since": CUT_SINCE, "limit": CUT_LIMITS},
        "Client disconnects close to a well-known time limit in seconds, "
        "by the stream's age (open) and by the silence before them (write).",
    ),
    Metric(
        "sse_open_rejected_total",
        "counter",
        {**ROUTE, "status": REJECTED_STATUSES},
        "Requests for an event stream that were answered by a redirect or an error: they asked for "
        "one by name, or their route sends streams.",
    ),
    Metric(
        "sse_stream_duration_seconds",
        "histogram",
        ROUTE,
        "How long a connection lived.",
        buckets=_DURATION,
    ),
    Metric(
        "sse_time_to_first_event_seconds",
        "histogram",
        ROUTE,
        "From the request to the first content of a fresh stream; hello, heartbeats, comments and "
        "what a protocol sends before its content do not count.",
        buckets=_FIRST_EVENT,
    ),
    Metric(
        "sse_event_gap_seconds",
        "histogram",
        ROUTE,
        "Silence between two writes of one stream.",
        buckets=_GAP,
    ),
    Metric(
        "sse_content_gap_seconds",
        "histogram",
        ROUTE,
        "From one content event to the next of one stream; comments and heartbeats do not count.",
        buckets=_CONTENT_GAP,
    ),
    Metric(
        "sse_streams_empty_total",
        "counter",
        ROUTE,
        "Fresh streams that ended in order without any content, though they owed some: answers to "
        "a call, and streams that said that they were whole.",
    ),
    Metric(
        "sse_streams_unreadable_total",
        "counter",
        ROUTE,
        "Streams with a compressed body: only their end is judged, no event is counted.",
    ),
    Metric(
        "sse_stream_seconds_total",
        "counter",
        {**ROUTE, "state": STREAM_STATES},
        "Time that streams spent open, flowing or stalled; sees a freeze while it lasts.",
    ),
    Metric(
        "sse_events_sent_total",
        "counter",
        {**ROUTE, "event": EVENTS},
        "Events sent, by event name; names that were not declared are `other`.",
    ),
    Metric("sse_sent_bytes_total", "counter", ROUTE, "Body bytes sent on event streams."),
    Metric(
        "sse_event_size_bytes",
        "histogram",
        ROUTE,
        "Size of one event with its line ends, without the blank line.",
        buckets=_SIZE,
    ),
    Metric(
        "sse_send_blocked_seconds_total",
        "counter",
        ROUTE,
        "Time that the application waited for the server to take bytes, sampled once a second.",
    ),
    Metric(
        "sse_message_loss_total",
        "counter",
        {**ROUTE, "seen_by": ("server", "client")},
        "Events known to be lost for good; the client counts only what hello did not announce.",
    ),
    Metric(
        "sse_duplicate_events_total",
        "counter",
        {**ROUTE, "seen_by": ("server", "client")},
        "Events delivered twice: replayed at or before the cursor (server), "
        "or received and dropped (client).",
    ),
    Metric(
        "sse_stall_detections_total",
        "counter",
        {**ROUTE, "seen_by": ("server", "client")},
        "Stalls seen: no payload for the stall limit (server), no byte (client).",
    ),
    Metric(
        "sse_response_faults_total",
        "counter",
        {**ROUTE, "fault": RESPONSE_FAULTS},
        "Streams whose response headers let something between server and client "
        "buffer, cache or break them.",
    ),
    Metric(
        "sse_heartbeat_interval_seconds",
        "gauge",
        ROUTE,
        "The heartbeat interval that the route declares.",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_goodput_limit_seconds",
        "gauge",
        {**ROUTE, "limit": GOODPUT_LIMITS},
        "The limits of goodput that the route declares: until the first content, and between two "
        "pieces of it.",
        multiprocess="livemax",
        at_zero=False,
    ),
    Metric(
        "sse_stream_limit",
        "gauge",
        ROUTE,
        "The most streams of this route that one process is meant to hold.",
        at_zero=False,
    ),
    Metric(
        "sse_route_info",
        "gauge",
        {**ROUTE, "kind": KINDS},
        "Always 1; whether streams of this route are meant to end (finite) or not (continuous).",
        multiprocess="livemax",
        at_zero=False,
    ),
)
