"""
SLIs of goodput: of the streams that ended, those that broke no limit, over windows.

The server's judgements name what was bad; streams that vanished on the way, which no judgement can
see, are added as completion finds them. Reads signals alone.
"""

from collections.abc import Iterator

from sse_observe.catalog.model import Signal
from sse_observe.catalog.signals.completion import LONG_WINDOWS, WINDOWS, failure_share
from sse_observe.catalog.signals.measures import number, rate, share, total

_JUDGED = "route:sse_streams_judged:rate5m"
_GOOD, _BAD = "route:sse_streams_good:rate5m", "route:sse_streams_spoilt:rate5m"
_VANISHED = "route:sse_streams_vanished:rate5m"
_LEFT = 'route:sse_streams_closed:rate5m{reason=~"client_disconnected|shutdown|cancelled|rotated"}'
# Who left late is among the spoilt already, and must not count again as vanished.
_NOT_YET_COUNTED = "(1 - last_over_time(route:sse_streams_left_late:share1h[<< w('10m') >>]))"


def _of_an_hour(signal: str) -> str:
    return f"sum_over_time({signal}[<< w('1h') >>])"


def _judged(matcher: str) -> str:
    """Add up judgements; where none of the kind ever fell, that is zero."""
    return f"sum by (<< by >>) ({_JUDGED}{{{matcher}}}) or 0 * sum by (<< by >>) ({_JUDGED})"


def _window(window: str) -> Iterator[Signal]:
    """Record goodput over one window: bad streams, all, their ratio, and how many certainly."""
    bad = f"route:sse_streams_bad:increase{window}"
    ended = f"route:sse_streams_judged:increase{window}"
    if window == "5m":
        # What vanished is read over twice the time: so it may be recorded in a group of its own.
        vanished = f"avg_over_time({_VANISHED}[<< w('10m') >>]) * {_NOT_YET_COUNTED}"
        exprs = (
            f"clamp_min({_BAD} + {vanished}, 0) * << seconds('5m') >>",
            f"{bad} + {_GOOD} * << seconds('5m') >>",
        )
    else:
        vanished = f"{total(_VANISHED, window)} * {_NOT_YET_COUNTED}"
        exprs = (
            f"clamp_min({total(_BAD, window)} + {vanished}, 0)",
            f"{bad} + {total(_GOOD, window)}",
        )
    yield number(bad, exprs[0], f"Streams that failed or broke a limit within {window}.")
    yield number(ended, exprs[1], f"Streams that were good or bad within {window}.")
    yield share(
        f"route:sse_goodput_failures:ratio_rate{window}",
        failure_share(bad, ended),
        f"Share of streams that were not good over {window}; absent when none ended.",
    )
    if window in LONG_WINDOWS:
        yield number(
            f"route:sse_streams_bad_certain:increase{window}",
            f"clamp_min({bad} - 0.4 * sqrt({ended}), 0)",
            f"Streams that were not good within {window}, less the error of the estimate.",
        )


GOODPUT = (
    rate(_GOOD, _judged('verdict="good"'), "Streams that were good, per second."),
    rate(
        _BAD,
        _judged('verdict!~"good|lost"'),
        "Streams that broke a limit, or that the server itself broke, per second.",
    ),
    share(
        "route:sse_streams_left_late:share1h",
        # Judged were those that ended by the server, and of those that left the late ones alone.
        f"""
clamp_max(clamp_min(
  (sum by (<< by >>) ({_of_an_hour(_JUDGED + '{verdict!="lost"}')})
    - {_of_an_hour("route:sse_streams_completed:rate5m")}
    - {_of_an_hour("route:sse_streams_broken:rate5m")})
  / (sum by (<< by >>) ({_of_an_hour(_LEFT)}) > 0), 0), 1)
or 0 * {_GOOD}""",
        "Share of the connections that left before their end that had broken a limit before, over "
        "1h.",
    ),
    *(signal for window in WINDOWS for signal in _window(window)),
    share(
        "route:sse_goodput:ratio_rate1h",
        "1 - route:sse_goodput_failures:ratio_rate1h",
        "Share of streams that reached their end within all limits over 1h.",
    ),
)
"""All of them, each after those that it reads."""
