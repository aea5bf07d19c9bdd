"""
Derived SLIs: shares over a limit, numbers within a window, and those of `completion` and `goodput`.

Read signals alone, never a raw metric. A ratio divides by `(… > 0)`: idle is absent, never NaN.
The words of the templates are explained in `recordings`.
"""

from sse_observe.catalog.model import Signal
from sse_observe.catalog.signals.completion import COMPLETION
from sse_observe.catalog.signals.goodput import GOODPUT
from sse_observe.catalog.signals.measures import (
    ALL_BOUNDS,
    FIVE_SECONDS,
    ROUTE,
    about,
    number,
    observed,
    over_bound,
    rate,
    share,
    total,
)
from sse_observe.contract import SILENT_INTERVALS
from sse_observe.metrics import FAILURES

_ONE_SECOND = r'le=~"1(\\.0)?"'
_ONE_KIBIBYTE = r'le=~"1024(\\.0)?"'

_FIRST_EVENTS = "route:sse_time_to_first_event_seconds_bucket:rate5m"
_UNREAD = "sum_over_time(route:sse_unread_seconds:rate5m[<< w('10m') >>])"
_UNEXPLAINED = "min_over_time(route:sse_streams_unexplained:min2h[<< w('30m') >>])"
_ORPHANS = "route:sse_orphaned_streams:min2m"
# Orphans are closed, unconfirmed streams are open: no stream is both. Without reports of clients
# there are orphans alone.
_READERLESS = f"({_ORPHANS} + route:sse_unconfirmed_streams:min2m or {_ORPHANS})"
_RECEIVED = "sum_over_time(route:sse_client_events_received:rate5m[<< w('15m') >>])"
_OWN_ERROR = 'reason="error_event"'
_ENDED_BY_SERVER = f'reason=~"completed|{"|".join(FAILURES)}"'


def _closed(matcher: str) -> str:
    """Add up the rate at which streams ended in some way, over ten minutes."""
    closed = f"route:sse_streams_closed:rate5m{{{matcher}}}"
    return f"sum by (<< by >>) (sum_over_time({closed}[<< w('10m') >>]))"


_STORE = (
    share(
        "route:sse_store_failed:ratio_rate5m",
        # Without an error there is no series of errors: that is zero.
        "(sum by (<< by >>) (route:sse_store_errors:rate5m) or 0 * route:sse_store_calls:rate5m)"
        " / (route:sse_store_calls:rate5m > 0)",
        "Share of calls of the shared store that failed.",
        "job",
    ),
    number(
        "route:sse_store_failed:increase10m",
        total("route:sse_store_errors:rate5m", "10m", merged=True),
        "Number of calls of the shared store that failed, within 10m.",
        "job",
    ),
    *over_bound(
        "sse_store_slow",
        "route:sse_store_operation_seconds_bucket:rate5m",
        'le="0.1"',
        "10m",
        "calls of the shared store that took over 100 ms",
        "job",
    ),
    # A store that is down is not slow: the wait for an answer that never came is no late answer.
    number(
        "route:sse_store_late:increase10m",
        "route:sse_store_slow:increase10m unless 2 * max_over_time("
        "route:sse_store_failed:increase10m[<< w('10m') >>]) > route:sse_store_slow:increase10m",
        "Number of calls of the shared store over 100 ms, within 10m; absent where so many failed "
        "that they may be the slow ones.",
        "job",
    ),
)

_CONNECTIONS = (
    *over_bound(
        "sse_first_event_slow",
        _FIRST_EVENTS,
        FIVE_SECONDS,
        "10m",
        "streams that waited over 5 s for their first content",
    ),
    share(
        "route:sse_first_event_slow_before:ratio_rate1d",
        f"1 - {observed(_FIRST_EVENTS, FIVE_SECONDS, '1d', '10m')}"
        f" / ({observed(_FIRST_EVENTS, ALL_BOUNDS, '1d', '10m')} > 0)",
        "Share of streams that waited over 5 s for their first content, over the day that ended "
        "10m ago.",
    ),
    share(
        "route:sse_first_event_slower:ratio_rate10m",
        # A model that always thinks for a minute is not ill.
        "route:sse_first_event_slow:ratio_rate10m - route:sse_first_event_slow_before:ratio_rate1d",
        "By how much the share of slow first contents is above the one of the day before.",
    ),
    rate(
        "route:sse_reconnect_storm:rate2m",
        "route:sse_streams_resumed:rate2m / (route:sse_concurrent_streams:avg5m > 0)",
        "Resumptions per open stream and second; if each client reconnects once, under"
        " 1 / << seconds('2m') >>.",
    ),
    Signal(
        record="route:sse_stream_duration_seconds:mean6h",
        expr="avg_over_time(route:sse_stream_duration_seconds_sum:rate5m[<< w('6h') >>])"
        " / (sum by (<< by >>) (avg_over_time("
        "route:sse_stream_duration_seconds_bucket:rate5m{le=\"+Inf\"}[<< w('6h') >>])) > 0)",
        unit="seconds",
        help="How long connections live on average, over 6h.",
    ),
    number(
        "route:sse_streams_unexplained:min2h",
        # Allowed are five streams, and three times arrivals × mean life. With less than six hours
        # of history the mean knows short lives only.
        "min_over_time(route:sse_streams_open:sum[<< w('2h') >>]) - 5"
        " - 3 * sum by (<< by >>)"
        " (avg_over_time(route:sse_streams_opened:rate5m[<< w('6h') >>]))"
        " * route:sse_stream_duration_seconds:mean6h"
        " and route:sse_streams_open:sum offset << w('6h') >>",
        "Open streams that arrivals and mean life do not explain, for two hours at least.",
    ),
    number(
        "route:sse_streams_leaked:max",
        f"({_READERLESS} >= {_UNEXPLAINED}) or {_UNEXPLAINED} or {_READERLESS}",
        "Streams that nobody reads any more: orphans and those whose clients have stopped "
        "reporting, or more than can be explained.",
    ),
    number(
        "route:sse_cuts:increase1h",
        total('route:sse_cuts:rate5m{limit!="other"}', "1h"),
        "Client disconnects at one time limit, within 1h.",
        *(*ROUTE, "since", "limit"),
    ),
    number(
        "route:sse_cuts_all:increase1h",
        total("route:sse_cuts:rate5m", "1h", merged=True),
        "Client disconnects within 1h.",
        *(*ROUTE, "since"),
    ),
    share(
        "route:sse_cuts:share1h",
        "route:sse_cuts:increase1h"
        " / on (<< on >>, since) group_left () (route:sse_cuts_all:increase1h > 0)",
        "Share of client disconnects at one time limit, over 1h.",
        *(*ROUTE, "since", "limit"),
    ),
    number(
        "route:sse_open_rejected:increase10m",
        total("route:sse_open_rejected:rate5m", "10m", merged=True),
        "Requests for a stream that got something else, within 10m.",
    ),
    share(
        "route:sse_open_rejected:ratio_rate5m",
        "sum by (<< by >>) (route:sse_open_rejected:rate5m)"
        " / (sum by (<< by >>) (route:sse_open_rejected:rate5m)"
        " + sum by (<< by >>) (route:sse_streams_opened:rate5m) > 0)",
        "Share of requests for a stream that got something else.",
    ),
    share(
        "route:sse_error_events:ratio_rate10m",
        f"{_closed(_OWN_ERROR)} / ({_closed(_ENDED_BY_SERVER)} > 0)",
        "Share of the streams ended by the server that said of themselves that they failed.",
    ),
    number(
        "route:sse_error_events:increase10m",
        total(f"route:sse_streams_closed:rate5m{{{_OWN_ERROR}}}", "10m", merged=True),
        "Streams that said of themselves that they failed, within 10m.",
    ),
    share(
        "route:sse_streams_empty:ratio_rate10m",
        # Averages: one is recorded every 150 s, the other every 30.
        "clamp_max(avg_over_time(route:sse_streams_empty:rate5m[<< w('10m') >>])"
        " / (sum by (<< by >>) (avg_over_time("
        'route:sse_streams_closed:rate5m{reason="completed"}'
        "[<< w('10m') >>])) > 0), 1)",
        "Share of completed streams that brought no content.",
    ),
    number(
        "route:sse_streams_empty:increase10m",
        total("route:sse_streams_empty:rate5m", "10m"),
        "Completed streams that brought no content, within 10m.",
    ),
    number(
        "route:sse_response_faults:increase15m",
        total("route:sse_response_faults:rate5m", "15m"),
        "Streams with response headers that break streaming, within 15m.",
        *(*ROUTE, "fault"),
    ),
)

_FLOW = (
    share(
        "route:sse_streams_silent:ratio5m",
        "route:sse_silent_streams:avg5m / (route:sse_concurrent_streams:avg5m > 0)",
        f"Share of open streams without a byte for {SILENT_INTERVALS} heartbeat intervals.",
    ),
    share(
        "route:sse_streams_stalled:ratio5m",
        "route:sse_stalled_streams:avg5m / (route:sse_concurrent_streams:avg5m > 0)",
        "Share of open streams without a payload for the stall limit.",
    ),
    share(
        "route:sse_stream_seconds_stalled:ratio_rate5m",
        'sum by (<< by >>) (route:sse_stream_seconds:rate5m{state="stalled"})'
        " / (sum by (<< by >>) (route:sse_stream_seconds:rate5m) > 0)",
        "Share of open time that streams spent stalled.",
    ),
    share(
        "route:sse_unread:ratio_rate10m",
        f"{_UNREAD} / ({_UNREAD} + sum by (<< by >>)"
        " (sum_over_time(route:sse_stream_seconds:rate5m[<< w('10m') >>])) > 0)",
        "Share of the time of all streams that applications went on after their client had left.",
    ),
    number(
        "route:sse_unread_events:increase10m",
        total("route:sse_unread_events:rate5m", "10m"),
        "Events produced within 10m after their client had left.",
    ),
    share(
        "route:sse_send_blocked:ratio_rate5m",
        "route:sse_send_blocked_seconds:rate5m / (route:sse_concurrent_streams:avg5m > 0)",
        "Share of open time in which the application waited for the server to take bytes.",
    ),
    *over_bound(
        "sse_event_late",
        "route:sse_event_delay_seconds_bucket:rate5m",
        _ONE_SECOND,
        "10m",
        "events that arrived over 1 s late",
    ),
    *over_bound(
        "sse_event_oversized",
        "route:sse_event_size_bytes_bucket:rate5m",
        _ONE_KIBIBYTE,
        "1h",
        "events over 1 KiB",
    ),
)

_REPLAY = (
    share(
        "route:sse_resume_gaps:ratio_rate15m",
        'sum by (<< by >>) (sum_over_time(route:sse_resumes:rate5m{outcome!="full"}'
        "[<< w('15m') >>]))"
        " / (sum by (<< by >>) (sum_over_time(route:sse_resumes:rate5m[<< w('15m') >>])) > 0)",
        "Share of resumed connections that the replay could not serve in full.",
    ),
    number(
        "route:sse_resume_gaps:increase15m",
        total('route:sse_resumes:rate5m{outcome!="full"}', "15m", merged=True),
        "Resumed connections that the replay could not serve in full, within 15m.",
    ),
    number(
        "route:sse_client_events_received:increase15m",
        total("route:sse_client_events_received:rate5m", "15m"),
        "Events that clients received within 15m.",
    ),
    number(
        "route:sse_message_loss_by_server:increase15m",
        'sum by (<< by >>) (route:sse_message_loss:increase15m{seen_by="server"})',
        "Events lost for good within 15m, as the server saw it.",
    ),
    number(
        # Apart: what clients say may be forged, and pages nobody.
        "route:sse_message_loss_by_client:increase15m",
        'sum by (<< by >>) (route:sse_message_loss:increase15m{seen_by="client"})',
        "Events lost for good within 15m, as clients said.",
    ),
    share(
        "route:sse_duplicates:ratio_rate15m",
        # Only events that a client dropped: a replayed event is no duplicate unless it came before.
        "(sum by (<< by >>) (sum_over_time("
        "route:sse_duplicate_events:rate5m{seen_by=\"client\"}[<< w('15m') >>]))"
        f" or 0 * {_RECEIVED}) / ({_RECEIVED} > 0)",
        "Share of received events that the client had already.",
    ),
)

_NETWORK = (
    Signal(
        record="route:sse_reconnect_time_seconds_bucket:rate5m",
        expr="sum by (<< by >>) (route_split:sse_reconnect_time_seconds_bucket:rate5m)",
        unit="operations/s",
        help="Reconnects per second, by upper bound of their time.",
        labels=(*ROUTE, "le"),
        per_second=True,
        interval="slow",
    ),
    Signal(
        record="route:sse_reconnect_time_seconds:mean5m",
        expr="sum by (<< by >>) (route_split:sse_reconnect_time_seconds_sum:rate5m) / (sum by"
        ' (<< by >>) (route:sse_reconnect_time_seconds_bucket:rate5m{le="+Inf"}) > 0)',
        unit="seconds",
        help="How long a reconnect takes on average, over five minutes.",
        interval="slow",
    ),
    number(
        "route:sse_reconnects:increase10m",
        total(
            'route_split:sse_reconnect_time_seconds_bucket:rate5m{le="+Inf"}', "10m", merged=True
        ),
        "Reconnects within 10m.",
    ),
    *over_bound(
        "sse_reconnects_slow",
        "route_split:sse_reconnect_time_seconds_bucket:rate5m",
        FIVE_SECONDS,
        "10m",
        "reconnects that took over 5 s",
    ),
    share(
        "route_split:sse_packet_loss:ratio_rate10m",
        "sum_over_time(route_split:sse_tcp_retransmitted_segments:rate5m[<< w('10m') >>])"
        " / (sum_over_time(route_split:sse_tcp_sent_segments:rate5m[<< w('10m') >>]) > 0)",
        "Share of TCP segments that had to be sent again over 10m, by network.",
        *(*ROUTE, "network_type"),
    ),
    number(
        "route_split:sse_tcp_sent_segments:increase15m",
        total("route_split:sse_tcp_sent_segments:rate5m", "15m"),
        "TCP segments sent within 15m, by network.",
        *(*ROUTE, "network_type"),
    ),
)

_OURSELVES = (
    number(
        "route:sse_client_reports_implausible:increase15m",
        total('route:sse_client_reports:rate5m{result="implausible"}', "15m", merged=True),
        "Beacon reports within 15m that claimed more than their stream can have given.",
        "job",
    ),
    number(
        "route:sse_client_reports_refused:increase15m",
        # A report that arrives twice is normal: pagehide and visibilitychange both send it.
        total('route:sse_client_reports:rate5m{result!~"accepted|replayed"}', "15m", merged=True),
        "Beacon reports refused within 15m.",
        "job",
    ),
    share(
        "route:sse_client_reports_refused:ratio_rate15m",
        "route:sse_client_reports_refused:increase15m / (("
        + total("route:sse_client_reports:rate5m", "15m", merged=True)
        + ") > 0)",
        "Share of beacon reports that were refused.",
        "job",
    ),
)

SLIS = (
    *about("completion", COMPLETION),
    *about("goodput", GOODPUT),
    *about("connections", _CONNECTIONS),
    *about("flow", _FLOW),
    *about("replay", _REPLAY),
    *about("network", _NETWORK),
    *about("store", _STORE),
    *about("telemetry", _OURSELVES),
)
"""All of them, each after those that it reads."""
