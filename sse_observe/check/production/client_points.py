"""Points that only clients show: what their reports say at the service's `/metrics`."""

from collections.abc import Iterator

from sse_observe.check.model import Scrape
from sse_observe.check.production.point import Point, done, person

_POINTS = (
    (
        "Event ID deduplication on client",
        "sse_client_events_received_total",
        "events received by clients that drop what comes twice",
        "Does your client drop an event that it has seen, and for how long does it remember?",
    ),
    (
        "Stall detection with user feedback",
        "sse_ui_messages_shown_total",
        "status messages shown to users",
        "What does a user see when nothing comes for thirty seconds?",
    ),
    (
        "Exponential backoff with jitter",
        "sse_reconnect_time_seconds_count",
        "reconnects by clients that back off with jitter",
        "After how long does your client come back the first, the second, the tenth time?",
    ),
)
"""The words of a point, the series that proves it, what it counts, what to ask else."""


def clients(scrape: Scrape | None) -> Iterator[Point]:
    """Yield a point for each thing that only clients know."""
    for text, series, counts, ask in _POINTS:
        if scrape is None:
            yield person(text, "--metrics was not given", ask)
        elif scrape.error:
            yield person(text, scrape.error, ask)
        elif total := scrape.total(series):
            yield done(text, f"{total:,.0f} {counts}")
        else:
            yield person(text, f"{series} counts nothing: no client of ours reports", ask)
