"""Well-known time limits: which one a client that vanished was probably cut by."""

from sse_observe.metrics.labels import CUT_LIMITS, OTHER
from sse_observe.middleware.stream import Stream

# Where cuts at each limit gather: windows this narrow hold few natural ends, and a proxy's cut
# comes at its limit or, by its timer's grain and the network's delay, a little later.
_WINDOWS = (
    *((9.5, 11), (14.5, 16), (28.5, 32), (54.5, 57), (59, 62), (74, 77), (89, 92), (99, 103)),
    *((119, 123), (175, 185), (295, 306), (345, 356), (590, 612), (895, 915)),
    *((1780, 1830), (3580, 3660)),
)
_LIMITS = tuple(zip(_WINDOWS, CUT_LIMITS[:-1], strict=True))


def limit_of(seconds: float) -> str:
    """Return the well-known limit that a time sits at, or `other`."""
    for (low, high), limit in _LIMITS:
        if low <= seconds <= high:
            return limit
    return OTHER


def count_cut(stream: Stream, now: float) -> None:
    """Count a client that vanished, by the stream's age and by the silence before."""
    cuts = stream.counts.cuts
    cuts["open", limit_of(now - stream.opened_at)] += 1
    cuts["write", limit_of(stream.silence(now))] += 1
