"""
What the recordings mean: failures over windows, the error budget, shares over a limit.

Reads signals alone, never a raw metric. A ratio divides by `(… > 0)`: idle is absent, never NaN.
The words of the templates are explained in `recordings`.
"""

from sse_observe.catalog.model import Signal

_ROUTE = ("job", "route")
_SPLIT = ("job", "route", "user_segment", "network_type")
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""The windows that completion is judged over; burn-rate alerts choose among them."""

# prometheus_client writes le="5.0", and Prometheus 3 normalises to that; others write le="5".
_ONE_SECOND = r'le=~"1(\\.0)?"'
_FIVE_SECONDS = r'le=~"5(\\.0)?"'
_ONE_KIBIBYTE = r'le=~"1024(\\.0)?"'

_LOST = "sum_over_time(route:sse_streams_lost:rate5m[<< slo_window >>])"
_COMPLETED = "sum_over_time(route:sse_streams_completed:rate5m[<< slo_window >>])"


def _share(record: str, expr: str, text: str, *labels: str) -> Signal:
    """Record a ratio."""
    return Signal(record=record, expr=expr, unit="percentunit", help=text, labels=labels or _ROUTE)


def _number(record: str, expr: str, text: str, *labels: str) -> Signal:
    """Record a count within a window, or of things that are now."""
    return Signal(record=record, expr=expr, unit="short", help=text, labels=labels or _ROUTE)


def _total(rate: str, window: str, *, merged: bool = False) -> str:
    """
    Count what a recorded rate saw in a window; `merged` where the rate has labels to drop.

    A sum over evaluations, not rate × window: on a route younger than its window the product
    would multiply what little there was.
    """
    count = f"sum_over_time({rate}[<< w('{window}') >>])"
    return f"{f'sum by (<< by >>) ({count})' if merged else count} * << interval >>"


def _rate(record: str, expr: str, text: str, labels: tuple[str, ...] = _ROUTE) -> Signal:
    """Record something per second."""
    return Signal(record=record, expr=expr, unit="ops", help=text, labels=labels, per_second=True)


def _fate(name: str, text: str) -> Signal:
    return _rate(
        f"route:sse_streams_{name}:rate5m",
        f"sum by (<< by >>) (route_split:sse_streams_{name}:rate5m)",
        f"{text}, per second.",
    )


def _lost(prefix: str, labels: tuple[str, ...], match: str) -> Signal:
    """
    Count births: what is neither completed, nor cancelled, nor still open is lost.

    Signed on purpose: windows are averaged first and clamped last. Under half coverage leaving
    and losing cannot be told apart, and only what the server broke counts.
    """
    coverage = "last_over_time(route:sse_client_coverage:ratio_rate6h[<< w('1d') >>])"
    return _rate(
        f"{prefix}:sse_streams_lost:rate5m",
        f"""
{prefix}:sse_streams_started:rate5m - {prefix}:sse_streams_completed:rate5m
  - ({prefix}:sse_streams_open:sum - {prefix}:sse_streams_open:sum offset << w('5m') >>)
    / << seconds('5m') >>
  - {prefix}:sse_streams_cancelled:rate5m / {match}({coverage} >= 0.5)
or {prefix}:sse_streams_broken:rate5m""",
        "Streams lost per second; signed, so that edges cancel out over longer windows.",
        labels,
    )


def _ended(prefix: str, labels: tuple[str, ...], window: str) -> tuple[Signal, Signal]:
    """Record failed and ended streams per second over one window."""

    def over(series: str) -> str:
        return series if window == "5m" else f"avg_over_time({series}[<< w('{window}') >>])"

    failed = f"{prefix}:sse_streams_failed:rate{window}"
    return (
        _rate(
            failed,
            f"clamp_min({over(f'{prefix}:sse_streams_lost:rate5m')}, 0)",
            f"Streams that failed their user, per second over {window}.",
            labels,
        ),
        _rate(
            f"{prefix}:sse_streams_ended:rate{window}",
            f"{failed} + {over(f'{prefix}:sse_streams_completed:rate5m')}",
            f"Streams that completed or failed, per second over {window}.",
            labels,
        ),
    )


def _window(window: str) -> tuple[Signal, ...]:
    """Record the verdict over one window: failed, ended, their ratio, and how many failed."""
    counted = (
        "route:sse_streams_failed:rate5m * << seconds('5m') >>"
        if window == "5m"
        else f"clamp_min({_total('route:sse_streams_lost:rate5m', window)}, 0)"
    )
    return (
        *_ended("route", _ROUTE, window),
        _share(
            f"route:sse_stream_failures:ratio_rate{window}",
            f"route:sse_streams_failed:rate{window} / (route:sse_streams_ended:rate{window} > 0)",
            f"Share of streams that failed over {window}; absent when none ended.",
        ),
        _number(
            f"route:sse_streams_failed:increase{window}",
            counted,
            f"Streams that failed within {window}.",
        ),
    )


def _over_bound(
    name: str, metric: str, bound: str, window: str, what: str
) -> tuple[Signal, Signal]:
    """Record the share and the number of observations over a bound of a recorded histogram."""
    buckets = f"route:{metric}_bucket:rate5m"
    every = f"sum by (<< by >>) (sum_over_time({buckets}{{le=\"+Inf\"}}[<< w('{window}') >>]))"
    within = f"sum by (<< by >>) (sum_over_time({buckets}{{{bound}}}[<< w('{window}') >>]))"
    return (
        _share(
            f"route:{name}:ratio_rate{window}",
            f"1 - {within} / ({every} > 0)",
            f"Share of {what}.",
        ),
        _number(
            f"route:{name}:increase{window}",
            f"({every} - {within}) * << interval >>",
            f"Number of {what}, within {window}.",
        ),
    )


_STREAMS = (
    _fate("started", "Streams born"),
    _fate("completed", "Streams completed"),
    _fate("broken", "Streams that the server itself broke"),
    _fate("cancelled", "Streams that their user cancelled"),
    _fate("confirmed", "Completed streams that their client confirmed"),
    _share(
        "route:sse_client_coverage:ratio_rate6h",
        "clamp_max(avg_over_time(route:sse_streams_confirmed:rate5m[<< w('6h') >>])"
        " / (avg_over_time(route:sse_streams_completed:rate5m[<< w('6h') >>]) > 0), 1)",
        "Share of completed streams whose client reports; under 50 % a cancelled stream cannot be "
        "told from a lost one.",
    ),
    _lost("route", _ROUTE, ""),
    _lost("route_split", _SPLIT, "on (<< on >>) group_left () "),
    *(signal for window in WINDOWS for signal in _window(window)),
    *_ended("route_split", _SPLIT, "1h"),
    Signal(
        record="sse_stream_completion_rate",
        # Under 20 ended streams an hour a split ratio is noise.
        expr="100 * (1 - route_split:sse_streams_failed:rate1h"
        " / (route_split:sse_streams_ended:rate1h >= 20 / << seconds('1h') >>))",
        unit="percent",
        help="Completion over one hour by segment and network, in percent; absent under 20 ended "
        "streams.",
        labels=_SPLIT,
    ),
    *(
        _share(
            f"route:sse_stream_completion:ratio_rate{window}",
            f"1 - route:sse_stream_failures:ratio_rate{window}",
            f"Share of streams that reached their end over {window}.",
        )
        for window in ("5m", "1h")
    ),
)

_BUDGET = (
    _share(
        "route:sse_completion_objective:ratio",
        "0 * route:sse_streams_ended:rate6h + << objective('completion') >>",
        "The completion objective of the settings.",
    ),
    _number(
        "route:sse_error_budget:burn_rate1h",
        "route:sse_stream_failures:ratio_rate1h / << budget('completion') >>",
        "How many times faster than allowed the error budget goes; at 1 it lasts its window.",
    ),
    _share(
        "route:sse_error_budget:ratio_left",
        # Weighted by streams: an average of ratios would understate a busy bad hour.
        f"1 - clamp_min({_LOST}, 0) / (clamp_min({_LOST}, 0) + {_COMPLETED} > 0)"
        " / << budget('completion') >>",
        "Share of the error budget left in the objective's window; below 0 it is overspent.",
    ),
)

_CONNECTIONS = (
    *_over_bound(
        "sse_first_event_slow",
        "sse_time_to_first_event_seconds",
        _FIVE_SECONDS,
        "10m",
        "streams that waited over 5 s for their first event",
    ),
    _rate(
        "route:sse_reconnect_storm:rate2m",
        "route:sse_streams_resumed:rate2m / (route:sse_concurrent_streams:avg5m > 0)",
        "Resumptions per open stream and second; once for everybody stays under 1 / 120 s.",
    ),
    Signal(
        record="route:sse_stream_duration_seconds:mean6h",
        expr="avg_over_time(route:sse_stream_duration_seconds_sum:rate5m[<< w('6h') >>])"
        " / (sum by (<< by >>) (avg_over_time("
        "route:sse_stream_duration_seconds_bucket:rate5m{le=\"+Inf\"}[<< w('6h') >>])) > 0)",
        unit="s",
        help="How long connections live on average, over 6h.",
    ),
    _number(
        "route:sse_streams_unexplained:min2h",
        # Five streams of slack and three times what arrivals × mean life explain; without six
        # hours of history the mean knows the short lives only.
        "min_over_time(route:sse_streams_open:sum[<< w('2h') >>]) - 5"
        " - 3 * sum by (<< by >>)"
        " (avg_over_time(route:sse_streams_opened:rate5m[<< w('6h') >>]))"
        " * route:sse_stream_duration_seconds:mean6h"
        " and route:sse_streams_open:sum offset << w('6h') >>",
        "Open streams that arrivals and mean life do not explain, for two hours at least.",
    ),
    _number(
        "route:sse_streams_leaked:max",
        "(route:sse_orphaned_streams:sum >= route:sse_streams_unexplained:min2h)"
        " or min_over_time(route:sse_streams_unexplained:min2h[<< w('30m') >>])"
        " or route:sse_orphaned_streams:sum",
        "Streams that nobody reads any more: orphans, or more than can be explained.",
    ),
    _number(
        "route:sse_cuts:increase1h",
        _total('route:sse_cuts:rate5m{limit!="other"}', "1h"),
        "Client disconnects that fall on one time limit, within 1h.",
        *(*_ROUTE, "since", "limit"),
    ),
    _number(
        "route:sse_cuts_all:increase1h",
        _total("route:sse_cuts:rate5m", "1h", merged=True),
        "Client disconnects within 1h.",
        *(*_ROUTE, "since"),
    ),
    _share(
        "route:sse_cuts:share1h",
        "route:sse_cuts:increase1h"
        " / on (<< on >>, since) group_left () (route:sse_cuts_all:increase1h > 0)",
        "Share of client disconnects that fall on one time limit, over 1h.",
        *(*_ROUTE, "since", "limit"),
    ),
    _number(
        "route:sse_open_rejected:increase10m",
        _total("route:sse_open_rejected:rate5m", "10m", merged=True),
        "Requests for a stream that got something else, within 10m.",
    ),
    _share(
        "route:sse_open_rejected:ratio_rate5m",
        "sum by (<< by >>) (route:sse_open_rejected:rate5m)"
        " / (sum by (<< by >>) (route:sse_open_rejected:rate5m)"
        " + sum by (<< by >>) (route:sse_streams_opened:rate5m) > 0)",
        "Share of requests for a stream that got something else.",
    ),
    _number(
        "route:sse_response_faults:increase15m",
        _total("route:sse_response_faults:rate5m", "15m"),
        "Streams with response headers that break streaming, within 15m.",
        *(*_ROUTE, "fault"),
    ),
)

_FLOW = (
    _share(
        "route:sse_streams_silent:ratio5m",
        "route:sse_silent_streams:avg5m / (route:sse_concurrent_streams:avg5m > 0)",
        "Share of open streams without a byte for 2.5 heartbeat intervals.",
    ),
    _share(
        "route:sse_streams_stalled:ratio5m",
        "route:sse_stalled_streams:avg5m / (route:sse_concurrent_streams:avg5m > 0)",
        "Share of open streams without a payload for the stall limit.",
    ),
    _share(
        "route:sse_stream_seconds_stalled:ratio_rate5m",
        'sum by (<< by >>) (route:sse_stream_seconds:rate5m{state="stalled"})'
        " / (sum by (<< by >>) (route:sse_stream_seconds:rate5m) > 0)",
        "Share of open time that streams spent stalled.",
    ),
    _share(
        "route:sse_send_blocked:ratio_rate5m",
        "route:sse_send_blocked_seconds:rate5m / (route:sse_concurrent_streams:avg5m > 0)",
        "Share of open time in which the application waited for the server to take bytes.",
    ),
    *_over_bound(
        "sse_event_late",
        "sse_event_delay_seconds",
        _ONE_SECOND,
        "10m",
        "events that arrived over 1 s late",
    ),
    *_over_bound(
        "sse_event_oversized",
        "sse_event_size_bytes",
        _ONE_KIBIBYTE,
        "1h",
        "events over 1 KiB",
    ),
)

_REPLAY = (
    _share(
        "route:sse_resume_gaps:ratio_rate15m",
        'sum by (<< by >>) (sum_over_time(route:sse_resumes:rate5m{outcome!="full"}'
        "[<< w('15m') >>]))"
        " / (sum by (<< by >>) (sum_over_time(route:sse_resumes:rate5m[<< w('15m') >>])) > 0)",
        "Share of resumed connections that the replay could not serve in full.",
    ),
    _number(
        "route:sse_resume_gaps:increase15m",
        _total('route:sse_resumes:rate5m{outcome!="full"}', "15m", merged=True),
        "Resumed connections that the replay could not serve in full, within 15m.",
    ),
    _number(
        "route:sse_client_events_received:increase15m",
        _total("route:sse_client_events_received:rate5m", "15m"),
        "Events that clients received within 15m.",
    ),
    _share(
        "route:sse_duplicates:ratio_rate15m",
        # What the client drops: what the server replays is no duplicate until it arrives twice.
        "(sum by (<< by >>) (sum_over_time("
        "route:sse_duplicate_events:rate5m{seen_by=\"client\"}[<< w('15m') >>]))"
        " or 0 * route:sse_client_events_received:increase15m)"
        " * << interval >> / (route:sse_client_events_received:increase15m > 0)",
        "Share of received events that the client had already.",
    ),
)

_NETWORK = (
    _rate(
        "route:sse_reconnect_time_seconds_bucket:rate5m",
        "sum by (<< by >>) (route_split:sse_reconnect_time_seconds_bucket:rate5m)",
        "Reconnects per second, by upper bound of their time.",
        (*_ROUTE, "le"),
    ),
    Signal(
        record="route:sse_reconnect_time_seconds:mean5m",
        expr="sum by (<< by >>) (route_split:sse_reconnect_time_seconds_sum:rate5m) / (sum by"
        ' (<< by >>) (route:sse_reconnect_time_seconds_bucket:rate5m{le="+Inf"}) > 0)',
        unit="s",
        help="How long a reconnect takes on average, over five minutes.",
    ),
    _share(
        "route:sse_reconnects_slow:ratio_rate10m",
        "route:sse_reconnects_slow:increase10m / (route:sse_reconnects:increase10m > 0)",
        "Share of reconnects that took over 5 s; above 5 % means p95 over 5 s.",
    ),
    _share(
        "route_split:sse_packet_loss:ratio_rate5m",
        "route_split:sse_tcp_retransmitted_segments:rate5m"
        " / (route_split:sse_tcp_sent_segments:rate5m > 0)",
        "Share of TCP segments that had to be sent again, by network.",
        *(*_ROUTE, "network_type"),
    ),
    _number(
        "route_split:sse_tcp_sent_segments:increase15m",
        _total("route_split:sse_tcp_sent_segments:rate5m", "15m"),
        "TCP segments sent within 15m, by network.",
        *(*_ROUTE, "network_type"),
    ),
)

_OURSELVES = (
    _number(
        "route:sse_client_reports_refused:increase15m",
        # A report that arrives twice is no fault: pagehide and visibilitychange both send it.
        _total('route:sse_client_reports:rate5m{result!~"accepted|replayed"}', "15m", merged=True),
        "Client reports refused within 15m.",
        "job",
    ),
    _share(
        "route:sse_client_reports_refused:ratio_rate15m",
        "route:sse_client_reports_refused:increase15m / (("
        + _total("route:sse_client_reports:rate5m", "15m", merged=True)
        + ") > 0)",
        "Share of client reports that were refused.",
        "job",
    ),
)

VERDICTS = (*_STREAMS, *_BUDGET, *_CONNECTIONS, *_FLOW, *_REPLAY, *_NETWORK, *_OURSELVES)
"""All of them, each after those that it reads."""
