"""
SLIs of completion: failures over windows, their share, the error budget.

Read signals alone. The words of the templates are explained in `recordings`.
"""

from sse_observe.catalog.model import Signal
from sse_observe.catalog.signals.measures import ROUTE, SPLIT, number, rate, share, total

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""The windows of completion; burn-rate alerts choose among them."""
LONG_WINDOWS = WINDOWS[1:]
"""Those that may be the longer of a pair."""


def completion(completed: float, lost: float) -> float | None:
    """Return the share of ended streams that completed; None where none ended."""
    ended = completed + lost
    return completed / ended if ended else None


def lost_over(window: str, by: str = "") -> str:
    """Add up the rate of lost streams over a window, by a label where one is given."""
    # Clamped last: a negative minute makes up for a positive one.
    return f"clamp_min({_summed('lost', window, by)}, 0)"


def completed_over(window: str, by: str = "") -> str:
    """Add up the rate of completed streams over a window, by a label where one is given."""
    return _summed("completed", window, by)


def _summed(outcome: str, window: str, by: str) -> str:
    counted = f"sum_over_time(route:sse_streams_{outcome}:rate5m[{window}])"
    return f"sum by ({by}) ({counted})" if by else counted


def failure_share(failed: str, ended: str) -> str:
    """Divide failed streams by ended ones; absent where none ended."""
    return f"{failed} / ({ended} > 0)"


def _outcome(name: str, text: str) -> Signal:
    return rate(
        f"route:sse_streams_{name}:rate5m",
        f"sum by (<< by >>) (route_split:sse_streams_{name}:rate5m)",
        f"{text}, per second.",
    )


def _lost(prefix: str, labels: tuple[str, ...], match: str) -> Signal:
    """
    Record lost streams: started, and neither completed, nor stopped, nor still open.

    Whom the user stopped is known twice: the server says it where it was told (`stopped`), clients
    where they left (`cancelled`).

    Signed on purpose: windows are averaged first and clamped last. Under half coverage a user who
    left looks like a lost stream; there only what the server broke counts.
    """
    coverage = "last_over_time(route:sse_client_coverage:ratio_rate6h[<< w('1d') >>])"
    return rate(
        f"{prefix}:sse_streams_lost:rate5m",
        f"""
{prefix}:sse_streams_started:rate5m - {prefix}:sse_streams_completed:rate5m
  - ({prefix}:sse_streams_open:sum - {prefix}:sse_streams_open:sum offset << w('5m') >>)
    / << seconds('5m') >>
  - {prefix}:sse_streams_stopped:rate5m
  - {prefix}:sse_streams_cancelled:rate5m / {match}({coverage} >= 0.5)
or {prefix}:sse_streams_broken:rate5m""",
        "Streams lost per second. May be negative: over longer windows errors cancel out.",
        labels,
    )


def _counted(prefix: str, labels: tuple[str, ...], window: str) -> tuple[Signal, Signal]:
    """Record how many streams failed and how many ended in one window."""
    lost, completed = (f"{prefix}:sse_streams_{name}:rate5m" for name in ("lost", "completed"))
    failed = f"{prefix}:sse_streams_failed:increase{window}"
    if window == "5m":
        # Both read the rates of one evaluation, never each other: so they may be recorded apart
        # from those rates.
        exprs = (
            f"clamp_min({lost}, 0) * << seconds('5m') >>",
            f"(clamp_min({lost}, 0) + {completed}) * << seconds('5m') >>",
        )
    else:
        exprs = (f"clamp_min({total(lost, window)}, 0)", f"{failed} + {total(completed, window)}")
    return (
        number(failed, exprs[0], f"Streams that failed their user within {window}.", *labels),
        number(
            f"{prefix}:sse_streams_ended:increase{window}",
            exprs[1],
            f"Streams that completed or failed within {window}.",
            *labels,
        ),
    )


def _window(window: str) -> tuple[Signal, ...]:
    """Record completion over one window: failed, ended, their ratio, and how many certainly."""
    failed, ended = (f"route:sse_streams_{name}:increase{window}" for name in ("failed", "ended"))
    return (
        *_counted("route", ROUTE, window),
        share(
            f"route:sse_stream_failures:ratio_rate{window}",
            failure_share(failed, ended),
            f"Share of streams that failed over {window}; absent when none ended.",
        ),
        *(_certain(failed, ended, window) if window in LONG_WINDOWS else ()),
    )


def _certain(failed: str, ended: str, window: str) -> tuple[Signal]:
    # Lost reports and restarts look like failures: of n streams that ended up to 0.3 √n more than
    # the budget, in 63 simulated fleets that met their objective.
    return (
        number(
            f"route:sse_streams_failed_certain:increase{window}",
            f"clamp_min({failed} - 0.4 * sqrt({ended}), 0)",
            f"Streams that failed within {window}, less the error of the estimate.",
        ),
    )


_STREAMS = (
    _outcome("started", "Streams started"),
    _outcome("completed", "Streams completed"),
    _outcome("broken", "Streams that the server itself broke, or that said so themselves"),
    _outcome("stopped", "Streams that the server ended because their user stopped them"),
    _outcome("cancelled", "Streams that their user cancelled, as clients say"),
    _outcome("confirmed", "Completed streams that their client confirmed"),
    share(
        "route:sse_client_coverage:ratio_rate6h",
        "clamp_max(avg_over_time(route:sse_streams_confirmed:rate5m[<< w('6h') >>])"
        " / (avg_over_time(route:sse_streams_completed:rate5m[<< w('6h') >>]) > 0), 1)",
        "Share of completed streams that a client reported; under 50 % a cancelled stream looks "
        "like a lost one.",
    ),
    _lost("route", ROUTE, ""),
    _lost("route_split", SPLIT, "on (<< on >>) group_left () "),
    rate(
        "route:sse_streams_vanished:rate5m",
        "route:sse_streams_lost:rate5m - route:sse_streams_broken:rate5m",
        "Streams lost per second that the server did not break: cut, or gone with a process. May "
        "be negative, as lost streams are.",
    ),
    *(signal for window in WINDOWS for signal in _window(window)),
    *_counted("route_split", SPLIT, "1h"),
    Signal(
        record="sse_stream_completion_rate",
        # With fewer than 20 ended streams an hour a ratio by segment and network is noise.
        expr="100 * (1 - route_split:sse_streams_failed:increase1h"
        " / (route_split:sse_streams_ended:increase1h >= 20))",
        unit="percent",
        help="Completion over one hour by segment and network, in percent; absent under 20 ended "
        "streams.",
        labels=SPLIT,
    ),
    *(
        share(
            f"route:sse_stream_completion:ratio_rate{window}",
            f"1 - route:sse_stream_failures:ratio_rate{window}",
            f"Share of streams that reached their end over {window}.",
        )
        for window in ("5m", "1h")
    ),
    share(
        "route:sse_stream_completion_best:ratio_rate1h",
        "1 - "
        + failure_share(
            "route:sse_streams_failed_certain:increase1h", "route:sse_streams_ended:increase1h"
        ),
        "Share of streams that reached their end over 1h, at best: less the error of the estimate.",
    ),
)

_LOST = lost_over("<< slo_window >>")
_COMPLETED = completed_over("<< slo_window >>")
_BUDGET = (
    share(
        "route:sse_completion_objective:ratio",
        "0 * route:sse_streams_ended:increase6h + << objective('completion') >>",
        "The completion objective of the settings.",
    ),
    number(
        "route:sse_error_budget:burn_rate1h",
        "route:sse_stream_failures:ratio_rate1h / << budget('completion') >>",
        "How many times faster than allowed the error budget is spent; at 1 it lasts its window.",
    ),
    share(
        "route:sse_error_budget:ratio_left",
        # Weighted by streams: in an average of ratios a busy bad hour would count too little.
        f"1 - {failure_share(_LOST, f'{_LOST} + {_COMPLETED}')} / << budget('completion') >>",
        "Share of the error budget left in the objective's window; below 0 it is overspent.",
    ),
)

COMPLETION = (*_STREAMS, *_BUDGET)
"""All of them, each after those that it reads."""
