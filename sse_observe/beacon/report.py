"""
One beacon report: its form, and what may stand in it.

Trusts no number: each is bounded, and those that contradict each other are refused whole. No
label comes from a beacon report.
"""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import msgspec

from sse_observe.metrics import METRICS

# A beacon report covers a minute, or what was kept while offline; a tab does not receive more.
_MOST = 1_000_000
# A hole in the numbers; what a resume could not give the server counts itself. A stranger with one
# token must not make a loss that no real browser could see.
_MOST_LOST = 10_000
_DAY = 86_400.0

# Connections of one stream between two beacon reports; a client that polls has most.
_MOST_EARLIER = 12

Token = Annotated[str, msgspec.Meta(max_length=1024)]
Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
RECONNECT = "sse_reconnect_time_seconds"
RECOVERY = "sse_stall_recovery_seconds"
DELAY = "sse_event_delay_seconds"


class _Ends(NamedTuple):
    """Where each bucket of a histogram begins and ends."""

    low: tuple[float, ...]
    high: tuple[float, ...]


def _ends_of(name: str) -> _Ends:
    bounds = METRICS[name].buckets
    return _Ends((0.0, *bounds), (*bounds, _DAY))


_RECONNECT_ENDS, _RECOVERY_ENDS, _DELAY_ENDS = map(_ends_of, (RECONNECT, RECOVERY, DELAY))


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Vector(_Strict):
    """Observations counted by bucket, the last one without a bound, and their sum."""

    counts: Annotated[list[Count], msgspec.Meta(min_length=1, max_length=20)]
    sum: Annotated[float, msgspec.Meta(ge=0)]

    def fits(self, ends: _Ends) -> bool:
        """Tell whether the sum can be that of such observations, given each bucket's ends."""
        counts, (lows, highs) = self.counts, ends
        if len(counts) != len(lows):
            return False
        total, least, most = 0, 0.0, 0.0
        # A tenth of all that a report costs.
        for n, low, high in zip(counts, lows, highs, strict=True):
            if n:
                total += n
                least += n * low
                most += n * high
        # Rounding: a client keeps microseconds.
        slack = 1e-3 * total
        return 0 < total <= _MOST and least - slack <= self.sum <= most + slack


class Shown(_Strict):
    """Counts of how often each status was shown."""

    connecting: Count = 0
    live: Count = 0
    waiting: Count = 0
    reconnecting: Count = 0
    offline: Count = 0
    polling: Count = 0
    complete: Count = 0
    failed: Count = 0


class BeaconReport(_Strict):
    """All that one browser tab saw of one stream since its last beacon report."""

    token: Token
    n: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    events: Count = 0
    duplicates: Count = 0
    lost: Annotated[int, msgspec.Meta(ge=0, le=_MOST_LOST)] = 0
    stalls: Count = 0
    shown: Shown | None = None
    sse_reconnect_time_seconds: Vector | None = None
    sse_stall_recovery_seconds: Vector | None = None
    sse_event_delay_seconds: Vector | None = None
    outcome: Literal["completed", "cancelled", "failed"] | None = None
    earlier: Annotated[tuple[Token, ...], msgspec.Meta(max_length=_MOST_EARLIER)] = ()
    """The tokens of the connections before, where it speaks of them too."""

    def has_left(self) -> bool:
        """Tell whether its client had no connection any more: it has ended, or tries again."""
        if self.outcome is not None:
            return True
        shown = self.shown
        return shown is not None and not shown.live and shown.reconnecting + shown.offline > 0

    def is_consistent(self) -> bool:
        """Tell whether the numbers can be true together."""
        reconnect, recovery, delay = (
            self.sse_reconnect_time_seconds,
            self.sse_stall_recovery_seconds,
            self.sse_event_delay_seconds,
        )
        return (
            self.duplicates <= self.events
            and (reconnect is None or reconnect.fits(_RECONNECT_ENDS))
            and (recovery is None or recovery.fits(_RECOVERY_ENDS))
            and (delay is None or delay.fits(_DELAY_ENDS))
        )


decode: Callable[[bytes | bytearray], BeaconReport] = msgspec.json.Decoder(BeaconReport).decode
