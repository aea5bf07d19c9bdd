"""The collapsed rows of Stream Health: the details behind its answer."""

from sse_observe.catalog.dashboards.colours import (
    FAULT_COLOURS,
    PLACE_COLOURS,
    QUANTILE_COLOURS,
    STATUS_COLOURS,
    STORE_COLOURS,
)
from sse_observe.catalog.dashboards.panels import (
    NO_PROBES,
    NO_REPORTS,
    depth,
    heatmap,
    lines,
    per_instance,
)
from sse_observe.catalog.dashboards.queries import (
    bold,
    buckets_over_time,
    each,
    high_by,
    instances,
    low_by,
    most_by,
    per_minute_by,
    quantiles,
    sum_by,
)
from sse_observe.catalog.dashboards.shared_panels import completion_by_network
from sse_observe.catalog.dashboards.stream_health_burn import BURN
from sse_observe.catalog.dashboards.stream_health_capacity import CAPACITY
from sse_observe.catalog.dashboards.upstreams import UPSTREAMS
from sse_observe.catalog.model import Query

OPENING = depth(
    "Opening in depth: first event, refusals, response headers",
    lines(
        "Time to first event, quantiles",
        "seconds",
        "From the request to the first content of a fresh stream. Half of the users wait less than "
        "p50, one in a hundred waits longer than p99.",
        *quantiles("route:sse_time_to_first_event_seconds_bucket:rate5m"),
        width=6,
        colours=QUANTILE_COLOURS,
    ),
    lines(
        "Slow first events",
        "ratio",
        "Share of streams whose first content took over 5 s. The alert fires where it is far above "
        "the share of the day before: a model that always thinks so long is not ill.",
        high_by("route", "route:sse_first_event_slow:ratio_rate10m"),
        width=6,
        decimals=1,
    ),
    lines(
        "Requests rejected by status",
        "per minute",
        "Requests for a stream that got something else, per minute, by status. 429: a limit on "
        "requests. 4xx: wrong credentials or addresses. 5xx: the application. 3xx: a login page.",
        per_minute_by("status", "route:sse_open_rejected:rate5m"),
        width=6,
        stacked=True,
        colours=STATUS_COLOURS,
    ),
    lines(
        "Response header faults within 15m",
        "count",
        "Streams whose response headers let something on the way buffer, cache or break them, by "
        "fault. Each is worth mending: the runbook names the header.",
        each("fault", "route:sse_response_faults:increase15m"),
        width=6,
        decimals=0,
        colours=FAULT_COLOURS,
    ),
)

ENDING = depth(
    "Ending in depth: how long connections live, and bodies that nobody can read",
    heatmap(
        "Stream duration",
        "seconds",
        "How long connections lived. A sharp horizontal band is a time limit of something between "
        "server and client: see the cuts on Stall Detection.",
        *buckets_over_time("route:sse_stream_duration_seconds_bucket:rate5m"),
        width=12,
    ),
    lines(
        "Unreadable streams",
        "requests/s",
        "Streams with a compressed body, by route. Only their end is judged: no event, "
        "no first content, no error inside the stream is seen. Let the middleware see the plain "
        "body.",
        most_by("route", "route:sse_streams_unreadable:rate5m"),
        width=12,
    ),
)

BUDGET = depth(
    "Error budget and what it rests on",
    lines(
        "Error budget left",
        "ratio",
        "Share of the allowed failures that is left in the objective's window. It falls fast: an "
        "incident. It falls slowly: an error that nobody has noticed.",
        low_by("route", "route:sse_error_budget:ratio_left"),
        width=6,
        decimals=1,
        minimum=None,
        soft_minimum=0,
        maximum=1,
    ),
    lines(
        "Burn rate over 1h",
        "times",
        "How many times faster than allowed the budget is spent, by route. At 1 it lasts exactly "
        "its window. At 14.4 it is empty in two days.",
        high_by("route", "route:sse_error_budget:burn_rate1h"),
        width=6,
        decimals=1,
    ),
    lines(
        "Ends as clients saw them",
        "per minute",
        "Ends of streams per minute, as browsers reported them: completed, cancelled by the user, "
        "or failed. Lost streams that nobody reports are found by counting started streams.",
        per_minute_by("outcome", "route:sse_client_streams:rate5m"),
        width=6,
        stacked=True,
        colours={"completed": "good", "cancelled": "client", "failed": "bad"},
        no_value=NO_REPORTS,
    ),
    lines(
        "Client coverage",
        "ratio",
        "Share of completed streams that a browser reported. Under 50 % a user who left looks like "
        "a lost stream, and only failures of the server count.",
        low_by("route", "route:sse_client_coverage:ratio_rate6h"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=NO_REPORTS,
    ),
)

SPLITS = depth(
    "By user segment and network type",
    completion_by_network(),
    lines(
        "Completion by user segment",
        "percent",
        "Completion over 1h, worst network and route, by user segment. If one segment is below the "
        "others, look at its client version or its region.",
        low_by("user_segment", "sse_stream_completion_rate"),
        width=12,
        decimals=1,
        minimum=None,
        soft_minimum=98,
        maximum=100,
    ),
)

TELEMETRY = depth(
    "Is the telemetry itself in order?",
    lines(
        "Telemetry present",
        "count",
        "1 while a job exports these metrics. At 0 all other panels of the job are empty. That "
        "does not mean that it is healthy.",
        low_by("job", "route:sse_telemetry_present:bool"),
        width=8,
        decimals=0,
        maximum=1,
    ),
    lines(
        "Processes observed",
        "count",
        "Processes that export these metrics, by job. Fewer than you run: Prometheus cannot scrape "
        "some targets.",
        high_by("job", "route:sse_telemetry_instances:count"),
        width=8,
        decimals=0,
    ),
    lines(
        "Observer faults within 15m",
        "count",
        "Errors of sse-observe itself, by where they were caught. Streams work as before, but "
        "counts may be missing. The log has one traceback for each place.",
        each("where", "route:sse_observer_faults:increase15m"),
        width=8,
        decimals=0,
        colours=PLACE_COLOURS,
    ),
    lines(
        "Client reports refused",
        "ratio",
        "Share of beacon reports that were refused. High after a deploy: old clients, or another "
        "signing key. High for long: somebody sends forged reports.",
        high_by("job", "route:sse_client_reports_refused:ratio_rate15m"),
        width=12,
        decimals=1,
        no_value=NO_REPORTS,
    ),
    lines(
        "Reports that cannot be true, within 15m",
        "count",
        "Beacon reports under good tokens that claim more than their stream was sent, or a stop "
        "of a stream that was delivered. They are not believed. Above a few: somebody lies.",
        high_by("job", "route:sse_client_reports_implausible:increase15m"),
        width=12,
        decimals=0,
        no_value=NO_REPORTS,
    ),
)

PROBES = depth(
    "What probers see from outside",
    lines(
        "Probes that succeed",
        "ratio",
        "Share of the probes of a target that succeeded within 15m. Under 0.9: its users most "
        "likely see the same, whatever the servers say. Ask it once: `sse-observe check URL`.",
        low_by("target", "route:sse_probe_success:ratio_rate15m"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=NO_PROBES,
    ),
    lines(
        "Time to first content of probes",
        "seconds",
        "From the beginning of a probe to its first content, DNS and TLS included. The alert "
        "fires where it is twice that of the day before.",
        high_by("target", "route:sse_probe_wait_seconds:avg10m"),
        width=6,
        no_value=NO_PROBES,
    ),
    lines(
        "Phases of probes",
        "seconds",
        "How long each phase takes, on the slowest target. `dns`, `connect` and `tls` are the way; "
        "the others are the service, or what holds its answer back.",
        each("phase", "route:sse_probe_phase_seconds:avg10m"),
        width=4,
        no_value=NO_PROBES,
    ),
    lines(
        "Held back on the way to probes",
        "seconds",
        "For how long something on the way held events back. Above 0.2 s users see jerks: "
        "`sse-observe check URL --via …` names the hop.",
        high_by("target", "route:sse_probe_held_back_seconds:avg10m"),
        width=4,
        no_value=NO_PROBES,
    ),
    lines(
        "Certificates expire in",
        "seconds",
        "Time until the certificate expires that a probe was shown. Under two weeks: whatever "
        "renews it has failed.",
        low_by("target", "route:sse_probe_certificate_left_seconds:min"),
        width=4,
        no_value=NO_PROBES,
    ),
)

_NO_STORE = "No shared store"

STORE = depth(
    "The store that hosts share",
    lines(
        "Store calls failed",
        "ratio",
        "Share of calls of the shared store that failed. Above the dashed line it is down: answers "
        "go on at their own host for a while, and cannot be read elsewhere.",
        high_by("job", "route:sse_store_failed:ratio_rate5m"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=_NO_STORE,
    ),
    lines(
        "Store errors",
        "operations/s",
        "Failed calls per second by error: `unreachable` and `timeout` are the network or the "
        "server, `full` is its memory, `refused` its settings.",
        sum_by("error", "route:sse_store_errors:rate5m"),
        width=6,
        stacked=True,
        colours=STORE_COLOURS,
        no_value=_NO_STORE,
    ),
    lines(
        "Store calls over 100 ms",
        "ratio",
        "Share of calls that took over 100 ms, of which one is felt in every event. A store of its "
        "own answers in one or two.",
        high_by("job", "route:sse_store_slow:ratio_rate10m"),
        width=6,
        decimals=1,
        maximum=1,
        no_value=_NO_STORE,
    ),
    lines(
        "Producers lost or fenced",
        "count",
        "Answers whose host died within 15m, and (thin) writers per minute that were refused "
        "because another one had taken their stream. Both are zero in a deploy.",
        bold(high_by("job", "route:sse_producers_lost:increase15m")),
        Query(
            expr="60 * sum(route:sse_streams_fenced:rate5m)",
            legend="fenced per minute",
            weight="thin",
        ),
        width=6,
        decimals=0,
        no_value=_NO_STORE,
        colours={"fenced per minute": "calm"},
    ),
)

INSTANCES = per_instance(
    lines(
        "Active streams by instance",
        "count",
        "Open streams of the chosen instances. One far above the others kept its streams after a "
        "deploy.",
        instances("sum by (instance) (sse_concurrent_streams)"),
        decimals=0,
    ),
    lines(
        "Time to first event by instance, p95",
        "seconds",
        "One in twenty users of an instance waits longer than this. A dot is an exemplar: one "
        "request, with a link to its trace if tracing is on.",
        instances(
            "histogram_quantile(0.95, sum by (instance, le)"
            " (rate(sse_time_to_first_event_seconds_bucket[<< rate_window >>])))",
            exemplar=True,
        ),
    ),
    lines(
        "Stream duration by instance, p95",
        "seconds",
        "How long connections live on each instance. One instance far below the others drops its "
        "clients: look at its node and its proxy.",
        instances(
            "histogram_quantile(0.95, sum by (instance, le)"
            " (rate(sse_stream_duration_seconds_bucket[<< rate_window >>])))",
            exemplar=True,
        ),
    ),
)

DEPTH = (
    *(
        BURN,
        BUDGET,
        UPSTREAMS,
        SPLITS,
        OPENING,
        ENDING,
        CAPACITY,
        STORE,
        TELEMETRY,
        PROBES,
        INSTANCES,
    ),
)
