"""Metrics of the streams that an application consumes, by the name that it gives their source."""

from sse_observe.metrics.labels import UPSTREAM, UPSTREAM_ENDS
from sse_observe.metrics.model import Metric

# Bounds of the same histograms of served streams, fewer: each costs a series for each upstream.
_FIRST_CONTENT = (0.25, 0.5, 1, 2.5, 5, 10, 20, 60)
_CONTENT_GAP = (0.05, 0.2, 1, 2.5, 10, 30, 60)

METRICS = (
    Metric(
        "sse_upstream_streams_opened_total",
        "counter",
        UPSTREAM,
        "Event streams that this application has begun to consume.",
    ),
    Metric(
        "sse_upstream_streams_closed_total",
        "counter",
        {**UPSTREAM, "reason": UPSTREAM_ENDS},
        "Consumed streams by how they ended, and requests for one that got none.",
    ),
    Metric(
        "sse_upstream_first_content_seconds",
        "histogram",
        UPSTREAM,
        "From the request to the first content of a consumed stream, as its reader got it.",
        buckets=_FIRST_CONTENT,
    ),
    Metric(
        "sse_upstream_content_gap_seconds",
        "histogram",
        UPSTREAM,
        "From one piece of content of a consumed stream to the next, as its reader got them.",
        buckets=_CONTENT_GAP,
    ),
    Metric(
        "sse_upstream_events_total",
        "counter",
        UPSTREAM,
        "Events read from consumed streams.",
    ),
    Metric(
        "sse_upstream_bytes_total",
        "counter",
        UPSTREAM,
        "Body bytes read from consumed streams.",
    ),
    Metric(
        "sse_upstream_unread_seconds_total",
        "counter",
        UPSTREAM,
        "Time for which streams were consumed after the client had left for whom they were read.",
    ),
)
