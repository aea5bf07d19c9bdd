r"""
Signals that read raw metrics, in the forms of `measures`; `probes` and `upstreams` hold the rest.

The expressions are templates: `by` is the signal's own labels, `on` is job and route, and
`on('job')` the job alone, each with the user's grouping labels added; `w('1h')` is a window and
`seconds('1h')` its number; `rate('5m')` is a window one scrape longer, so that a rate spans exactly
the two instants that `x` and `x offset 5m` see; `interval` is the seconds between two evaluations
of what is read.

Reading a series costs a fleet the same in whatever query: so each raw family is read once where
that can be, and the widest ones that wake nobody are recorded at the slow interval.
"""

from sse_observe.catalog.model import Signal
from sse_observe.catalog.signals.measures import (
    ROUTE,
    SPLIT,
    about,
    average,
    buckets,
    counter,
    gauge,
)
from sse_observe.catalog.signals.probes import PROBES
from sse_observe.catalog.signals.slis import SLIS
from sse_observe.catalog.signals.upstreams import CAUSES, UPSTREAMS
from sse_observe.metrics import FAILURES, METRICS

# A stream without an end is measured by time, not by its ending.
_FINITE = "unless on (<< on >>) route:sse_continuous:info"


def _split(metric: str, label: str) -> Signal:
    """Record a counter of streams once, by all its labels; other signals add this up."""
    return counter(metric, *SPLIT[1:], label, prefix="route_split")


def _whole(metric: str, label: str) -> Signal:
    """Add up what `_split` records, over segments and networks."""
    name = metric.removesuffix("_total")
    return Signal(
        record=f"route:{name}:rate5m",
        expr=f"sum by (<< by >>) (route_split:{name}:rate5m)",
        unit="operations/s",
        help=f"{METRICS[metric].help} Per second.",
        labels=(*ROUTE, label),
        per_second=True,
    )


def _outcome(name: str, selector: str, text: str) -> Signal:
    """Record one outcome of streams, or what else completion counts of them."""
    counted = f"sum by (<< by >>) ({selector})"
    # An outcome that never occurred has no series: it is zero, with the labels of started streams.
    never = "" if name == "started" else " or 0 * route_split:sse_streams_started:rate5m"
    return Signal(
        record=f"route_split:sse_streams_{name}:rate5m",
        expr=f"({counted}{never}) {_FINITE}",
        unit="operations/s",
        help=f"{text}, per second, by segment and network.",
        labels=SPLIT,
        per_second=True,
    )


_COMPLETION = (
    Signal(
        record="route:sse_continuous:info",
        # A scrape that fails must not make a feed a stream that is to end: its ends would be lost.
        expr='max by (<< by >>) (max_over_time(sse_route_info{kind="continuous"}'
        "[<< rate('5m') >>]))",
        unit="count",
        help="1 for a route whose streams are not meant to end.",
    ),
    _split("sse_streams_opened_total", "start"),
    _split("sse_streams_closed_total", "reason"),
    _split("sse_client_streams_total", "outcome"),
    _outcome("started", 'route_split:sse_streams_opened:rate5m{start="fresh"}', "Streams started"),
    _outcome(
        "completed",
        'route_split:sse_streams_closed:rate5m{reason="completed"}',
        "Streams completed",
    ),
    _outcome(
        "broken",
        f'route_split:sse_streams_closed:rate5m{{reason=~"{"|".join(FAILURES)}"}}',
        "Streams that the server itself broke, or that said so themselves",
    ),
    _outcome(
        "stopped",
        'route_split:sse_streams_closed:rate5m{reason="cancelled"}',
        "Streams that the server ended because their user stopped them",
    ),
    _outcome(
        "cancelled",
        'route_split:sse_client_streams:rate5m{outcome="cancelled"}',
        "Streams that their user cancelled, as clients say",
    ),
    _outcome(
        "confirmed",
        'route_split:sse_client_streams:rate5m{outcome="completed"}',
        "Completed streams that their client confirmed",
    ),
    Signal(
        record="route_split:sse_streams_open:sum",
        # Raw counters on purpose: both come from one process and one scrape.
        # Slow: only signals over an hour read it. `offset 5m` is two evaluations ago, and still
        # spans five minutes.
        expr="sum by (<< by >>) (sse_streams_opened_total)"
        " - sum by (<< by >>) (sse_streams_closed_total)",
        unit="count",
        help="Streams open now, by segment and network.",
        labels=SPLIT,
        interval="slow",
    ),
    Signal(
        record="route:sse_streams_open:sum",
        # A target that misses scrapes keeps its last count. A deleted target is dropped at once.
        expr="sum by (<< by >>) (sse_concurrent_streams"
        " or (last_over_time(sse_concurrent_streams[<< w('10m') >>])"
        " and on (job, instance) up == 0))",
        unit="count",
        help="Streams open now.",
    ),
)

_GOODPUT = (
    counter("sse_streams_judged_total", "route", "verdict"),
    Signal(
        record="route:sse_goodput_limit_seconds:max",
        # A scrape that fails must not make it a route without limits.
        expr="max by (<< by >>) (max_over_time(sse_goodput_limit_seconds[<< rate('5m') >>]))",
        unit="seconds",
        help="The longest limit of goodput that a route declares; absent where it declares none.",
    ),
    gauge("sse_late_streams"),
)

_CONNECTIONS = (
    _whole("sse_streams_opened_total", "start"),
    _whole("sse_streams_closed_total", "reason"),
    _whole("sse_client_streams_total", "outcome"),
    counter("sse_open_rejected_total"),
    counter("sse_cuts_total", interval="slow"),
    counter("sse_response_faults_total", interval="slow"),
    counter("sse_streams_empty_total", interval="slow"),
    counter("sse_streams_unreadable_total", interval="slow"),
    buckets("sse_stream_duration_seconds"),
    Signal(
        record="route:sse_stream_duration_seconds_sum:rate5m",
        expr="sum by (<< by >>) (rate(sse_stream_duration_seconds_sum[<< rate('5m') >>]))",
        unit="count",
        help="Seconds that the connections closed per second had lived.",
        per_second=True,
        interval="slow",
    ),
    buckets("sse_time_to_first_event_seconds"),
    Signal(
        record="route:sse_streams_resumed:rate2m",
        # Two minutes: one minute peaks in a deploy, five are too high long after a storm.
        # A poll opens as resumed and is subtracted: a client that polls would look like a storm.
        # Their labels differ, so `or` keeps both, and the sum subtracts.
        expr="""
sum by (<< by >>) (
  rate(sse_streams_opened_total{start="resumed"}[<< rate('2m') >>])
  or - rate(sse_streams_closed_total{reason="polled"}[<< rate('2m') >>])
)""",
        unit="operations/s",
        help="Connections resumed per second without those that poll, over << w('2m') >>.",
        per_second=True,
    ),
    Signal(
        record="route:sse_stream_saturation:ratio",
        # The fullest process, not the mean: it refuses first.
        # The last value of two minutes: a missed scrape must not start the alert's `for` again.
        expr="max by (<< by >>) (last_over_time(sse_concurrent_streams[<< w('2m') >>])"
        " / (last_over_time(sse_stream_limit[<< w('2m') >>]) > 0))",
        unit="ratio",
        help="Open streams against the limit, on the fullest process.",
    ),
)

_FLOW = (
    average("sse_concurrent_streams"),
    average("sse_silent_streams"),
    average("sse_stalled_streams"),
    gauge("sse_silent_streams"),
    gauge("sse_stalled_streams"),
    Signal(
        record="route:sse_orphaned_streams:min2m",
        # Every stream is an orphan for a moment when its client leaves. The minimum over two
        # minutes leaves those out, and a missed scrape does not end the series.
        expr="sum by (<< by >>) (min_over_time(sse_orphaned_streams[<< w('2m') >>]))",
        unit="count",
        help=f"{METRICS['sse_orphaned_streams'].help} For << w('2m') >> at least.",
    ),
    Signal(
        record="route:sse_unconfirmed_streams:min2m",
        # As orphans are: both are added up.
        expr="sum by (<< by >>) (min_over_time(sse_unconfirmed_streams[<< w('2m') >>]))",
        unit="count",
        help=f"{METRICS['sse_unconfirmed_streams'].help} For << w('2m') >> at least.",
    ),
    counter("sse_stream_seconds_total"),
    counter("sse_unread_seconds_total", unit="count"),
    counter("sse_unread_events_total"),
    buckets("sse_event_gap_seconds"),
    buckets("sse_content_gap_seconds"),
    counter("sse_events_sent_total", interval="slow"),
    counter("sse_sent_bytes_total", unit="bytes/s", interval="slow"),
    buckets("sse_event_size_bytes"),
    counter("sse_send_blocked_seconds_total"),
    Signal(
        record="route:sse_heartbeats_expected:rate",
        expr="sum by (<< by >>) (sse_concurrent_streams / (sse_heartbeat_interval_seconds > 0))",
        unit="operations/s",
        help="Heartbeats per second if every open stream were idle: the most there can be.",
        interval="slow",
    ),
    counter("sse_stall_detections_total", interval="slow"),
    buckets("sse_stall_recovery_seconds"),
    counter("sse_ui_messages_shown_total", interval="slow"),
    buckets("sse_event_delay_seconds"),
)

_REPLAY = (
    counter("sse_resumes_total", interval="slow"),
    counter("sse_replayed_events_total", interval="slow"),
    counter("sse_replay_evicted_events_total", interval="slow"),
    gauge("sse_replay_buffer_events"),
    counter("sse_message_loss_total"),
    Signal(
        record="route:sse_message_loss:increase15m",
        # `increase` alone misses the losses of a new process before its first scrape, and just its
        # empty buffer loses events. So the counter of a young process is read as it is.
        expr="""
(sum by (<< by >>) (increase(sse_message_loss_total[<< w('15m') >>])) > 0)
or (sum by (<< by >>) (sse_message_loss_total
      and on (job, instance) (time() - sse_start_time_seconds < << seconds('15m') >>)) > 0)
or sum by (<< by >>) (increase(sse_message_loss_total[<< w('15m') >>]))""",
        unit="count",
        help="Events lost for good within 15m.",
        labels=(*ROUTE, "seen_by"),
    ),
    counter("sse_duplicate_events_total", interval="slow"),
    counter("sse_client_events_received_total", "route", interval="slow"),
)

_NETWORK = (
    Signal(
        record="route_split:sse_reconnect_time_seconds_bucket:rate5m",
        expr="sum by (<< by >>) (rate(sse_reconnect_time_seconds_bucket[<< rate('5m') >>]))",
        unit="operations/s",
        help="Reconnects per second, by upper bound of their time and by network.",
        labels=(*ROUTE, "network_type", "le"),
        per_second=True,
        interval="slow",
    ),
    Signal(
        record="route_split:sse_reconnect_time_seconds_sum:rate5m",
        expr="sum by (<< by >>) (rate(sse_reconnect_time_seconds_sum[<< rate('5m') >>]))",
        unit="count",
        help="Seconds spent reconnecting per second, by network.",
        labels=(*ROUTE, "network_type"),
        per_second=True,
        interval="slow",
    ),
    counter("sse_tcp_sent_segments_total", prefix="route_split", interval="slow"),
    counter("sse_tcp_retransmitted_segments_total", prefix="route_split", interval="slow"),
    buckets("sse_tcp_rtt_seconds"),
    gauge("sse_tcp_unsent_bytes", "bytes"),
)

_PROCESS = (
    buckets("sse_event_loop_lag_seconds"),
    Signal(
        record="route:sse_event_loop_lag_seconds:mean5m",
        # The worst process: one that is blocked hurts its own users, however well the others are.
        # Under a minute of samples there is no mean; they are taken once a second.
        expr="max by (<< by >>) (rate(sse_event_loop_lag_seconds_sum[<< rate('5m') >>])"
        " / (rate(sse_event_loop_lag_seconds_count[<< rate('5m') >>]) > 0.2))",
        unit="seconds",
        help="How late the event loop runs on average over 5m, on the worst process.",
        labels=("job",),
    ),
)

_STORE = (
    counter("sse_store_errors_total"),
    Signal(
        record="route:sse_store_calls:rate5m",
        # Not from the buckets: an alert within a minute would read all of them twice a minute.
        expr="sum by (<< by >>) (rate(sse_store_operation_seconds_count[<< rate('5m') >>]))",
        unit="operations/s",
        help="Calls of the shared store per second.",
        labels=("job",),
        per_second=True,
    ),
    Signal(
        record="route:sse_store_operation_seconds_bucket:rate5m",
        expr="sum by (<< by >>) (rate(sse_store_operation_seconds_bucket[<< rate('5m') >>]))",
        unit="operations/s",
        help=f"{METRICS['sse_store_operation_seconds'].help} Observations per second, by bound.",
        labels=("job", "operation", "le"),
        interval="slow",
        per_second=True,
    ),
    counter("sse_streams_fenced_total", interval="slow"),
    Signal(
        record="route:sse_producers_lost:increase15m",
        expr="sum by (<< by >>) (increase(sse_producers_lost_total[<< w('15m') >>]))",
        unit="count",
        help=f"{METRICS['sse_producers_lost_total'].help} Within 15m.",
        labels=("job",),
    ),
)

_OURSELVES = (
    Signal(
        record="route:sse_telemetry_instances:count",
        expr="count by (<< by >>) (sse_build_info)",
        unit="count",
        help="Processes that export these metrics, by job.",
        labels=("job",),
    ),
    Signal(
        record="route:sse_telemetry_present:bool",
        # 0 for each job that was seen within a day and is gone. 0 without a job if none was ever
        # seen, so that the alert fires then too.
        expr="""
(route:sse_telemetry_instances:count > bool 0)
or 0 * last_over_time(route:sse_telemetry_instances:count[<< w('1d') >>])
or on () (absent(sse_build_info) - 1)""",
        unit="flag",
        help="1 while a job exports these metrics, 0 for a day after it stopped.",
        labels=("job",),
    ),
    Signal(
        record="route:sse_observer_faults:increase15m",
        expr="sum by (<< by >>) (increase(sse_observer_faults_total[<< w('15m') >>]))",
        unit="count",
        help="Errors of sse-observe itself within 15m, by where they were caught.",
        labels=("job", "where"),
    ),
    counter("sse_client_reports_total"),
)

SIGNALS = (
    *about("completion", _COMPLETION),
    *about("goodput", _GOODPUT),
    *about("connections", _CONNECTIONS),
    *about("flow", _FLOW),
    *about("replay", _REPLAY),
    *about("network", _NETWORK),
    *about("store", _STORE),
    *about("telemetry", (*_PROCESS, *_OURSELVES)),
    *SLIS,
    *about("probes", PROBES),
    *CAUSES,
    *UPSTREAMS,
)
"""All signals, each after those that it reads: the order of evaluation."""
