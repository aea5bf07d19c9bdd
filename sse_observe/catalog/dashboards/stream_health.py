"""The board that answers: do streams reach their end?"""

from sse_observe.catalog.dashboards.colours import (
    JUDGEMENT_COLOURS,
    OBSERVER_COLOURS,
    REASON_COLOURS,
)
from sse_observe.catalog.dashboards.panels import (
    NO_REPORTS,
    gauge,
    heatmap,
    lines,
    stage,
    stat,
    table,
)
from sse_observe.catalog.dashboards.queries import (
    ALL,
    bold,
    buckets_over_time,
    column,
    high_by,
    in_range,
    low_by,
    lowest,
    mean,
    most_by,
    named,
    now,
    sum_by,
)
from sse_observe.catalog.dashboards.shared_panels import alerts_firing
from sse_observe.catalog.dashboards.stream_health_depth import DEPTH
from sse_observe.catalog.model import Board, Query, Step

_ANSWER = stage(
    "",
    stat(
        "Completion 1h",
        "ratio",
        "Share of streams that reached their end in the last hour, on the worst route. Below the "
        "objective users see answers that break off: look at that route alone.",
        lowest("route:sse_stream_completion:ratio_rate1h"),
        decimals=2,
        no_value="No stream ended",
    ),
    stat(
        "Budget left",
        "ratio",
        "Share of the allowed failures that is left in the objective's window. Below 25 %: avoid "
        "risky changes. Below 0: the objective is missed already.",
        lowest("route:sse_error_budget:ratio_left"),
        decimals=0,
        minimum=None,
        no_value="No stream ended",
        colours={"": "bad"},
        steps=(Step(0, "warn"), Step(0.25, "good")),
    ),
    stat(
        "Active streams",
        "count",
        "Event streams that are open now. The graph below shows them by route, and whether they "
        "only rise.",
        now(Query(expr="sum(route:sse_streams_open:sum)", legend=ALL)),
        decimals=0,
    ),
    gauge(
        "Mean reconnect time",
        "seconds",
        "Time from a lost connection to the next open, as browsers measured it, on average over "
        "five minutes. Above 5 s users give up: see the slow reconnects below.",
        now(
            mean(
                "route_split:sse_reconnect_time_seconds_sum:rate5m",
                "route:sse_reconnect_time_seconds_bucket:rate5m",
            )
        ),
        width=5,
        decimals=1,
        maximum=10,
        no_value="No reconnects",
        steps=(Step(5, "warn"),),
    ),
    stat(
        "Message loss",
        "count",
        "Events lost for good in the time range: announced by the server, and others that clients "
        "noticed. One is too many: the replay buffer is too short, or instances do not share it.",
        in_range("route:sse_message_loss:rate5m", "seen_by"),
        decimals=0,
        steps=(Step(0.5, "bad"),),
    ),
    alerts_firing(),
    lines(
        "Completion rate (%)",
        "ratio",
        "Share of streams that reached their end, of the five worst routes: over 1h (bold), and of "
        "all routes over 5m (thin). The dashed line is the objective. Judge by the bold lines: the "
        "thin one moves a lot.",
        Query(
            expr="1 - sum(route:sse_streams_failed:increase5m)"
            " / (sum(route:sse_streams_ended:increase5m) > 0)",
            legend="all, over 5m",
            weight="thin",
        ),
        bold(low_by("route", "route:sse_stream_completion:ratio_rate1h", most=5)),
        height=9,
        decimals=2,
        minimum=None,
        soft_minimum=0.98,
        maximum=1,
        colours={"all, over 5m": "calm"},
    ),
    lines(
        "Goodput",
        "ratio",
        "Share of streams that reached their end within the limits that their route declares, over "
        "1h, of the five worst routes. Below completion by what came late or with holes: the panel "
        "beside it names the limit.",
        bold(low_by("route", "route:sse_goodput:ratio_rate1h", most=5)),
        Query(
            expr="1 - sum(route:sse_streams_bad:increase5m)"
            " / (sum(route:sse_streams_judged:increase5m) > 0)",
            legend="all, over 5m",
            weight="thin",
        ),
        height=9,
        decimals=2,
        minimum=None,
        soft_minimum=0.9,
        maximum=1,
        colours={"all, over 5m": "calm"},
    ),
    lines(
        "Streams by judgement",
        "requests/s",
        "Finite streams at their end, each by the first limit that it broke. Orange: the first "
        "content came too late. Red: the application failed. Streams that vanished on the way are "
        "in Goodput alone.",
        sum_by("verdict", "route:sse_streams_judged:rate5m"),
        height=9,
        stacked=True,
        colours=JUDGEMENT_COLOURS,
    ),
)

_OPENING = stage(
    "Opening",
    lines(
        "Connections opened",
        "requests/s",
        "Connections per second: new streams (fresh), or streams that continue after a cut "
        "(resumed). If most are resumed, connections break too early.",
        sum_by("start", "route:sse_streams_opened:rate5m"),
        stacked=True,
        colours={"fresh": "good", "resumed": "client"},
    ),
    lines(
        "Requests rejected",
        "ratio",
        "Share of requests for a stream that got a redirect or an error. Users see nothing: look "
        "at authentication, limits, and the proxy's upstreams.",
        high_by("route", "route:sse_open_rejected:ratio_rate5m"),
        decimals=1,
    ),
    heatmap(
        "Time to first event",
        "seconds",
        "From the request to the first content of a fresh stream: what a protocol sends before it, "
        "heartbeats and comments keep the user waiting. If the dark area moves up, the backend is "
        "slow.",
        *buckets_over_time("route:sse_time_to_first_event_seconds_bucket:rate5m"),
    ),
)

_DELIVERING = stage(
    "Delivering",
    lines(
        "Active streams by route",
        "count",
        "Open streams by route. If a route only rises, it keeps streams whose users have left.",
        most_by("route", "route:sse_streams_open:sum"),
        width=12,
        decimals=0,
    ),
    lines(
        "Events sent",
        "events/s",
        "Events per second by name. Only heartbeats: the application sends nothing any more.",
        sum_by("event", "route:sse_events_sent:rate5m"),
        width=12,
        stacked=True,
        colours={
            "message": "client",
            "heartbeat": "calm",
            "comment": "p50",
            "done": "good",
            "other": "4g",
        },
    ),
)

_RECOVERING = stage(
    "Recovering",
    lines(
        "Resumptions per open stream",
        "ratio",
        "Share of open streams that reconnect each second. A deploy stays under 0.8 %. Above the "
        "dashed line clients reconnect again and again.",
        high_by("route", "route:sse_reconnect_storm:rate2m"),
        decimals=2,
    ),
    lines(
        "Slow reconnects",
        "ratio",
        "Share of reconnects that took over 5 s. Above 5 % means that p95 is over 5 s. Is it one "
        "network or all? See Network Quality.",
        high_by("route", "route:sse_reconnects_slow:ratio_rate10m"),
        decimals=1,
        no_value=NO_REPORTS,
    ),
    lines(
        "Messages lost within 15m",
        "count",
        "Events lost for good, on the worst route, by who noticed it. Above zero: the replay "
        "buffer was too short, or a client resumed on an instance without it.",
        named("server", "route:sse_message_loss_by_server:increase15m"),
        named("client", "route:sse_message_loss_by_client:increase15m"),
        decimals=0,
        colours=OBSERVER_COLOURS,
    ),
)

_ENDING = stage(
    "Ending",
    lines(
        "Connections closed by reason",
        "requests/s",
        "How connections ended. Blue: clients left or were cut. Grey: a deploy. Orange: readers "
        "that were too slow. Red: errors of the application. Violet: streams that said of "
        "themselves that they failed.",
        sum_by("reason", "route:sse_streams_closed:rate5m"),
        width=12,
        stacked=True,
        colours=REASON_COLOURS,
    ),
    lines(
        "Streams that end by their own error",
        "ratio",
        "Share of the streams ended by the server that said of themselves that they failed, inside "
        "an answer with status 200. The log names the type of each error.",
        high_by("route", "route:sse_error_events:ratio_rate10m"),
        width=12,
        decimals=1,
    ),
)

_ROUTES = stage(
    "Routes",
    table(
        "Routes",
        "ratio",
        "One line for each route, the worst completion first. A coloured value is beyond the "
        "threshold of its alert, or little budget is left. Slow start: first event after 5 s. Over "
        "5 s: reconnects that took longer. Click on a route to see that route alone.",
        column("Completion", "min", "route:sse_stream_completion:ratio_rate1h", decimals=2),
        column("Objective", "max", "route:sse_completion_objective:ratio", decimals=2),
        column("Budget left", "min", "route:sse_error_budget:ratio_left"),
        column("Failed 1h", "sum", "route:sse_streams_failed:increase1h", "count"),
        column("Active", "sum", "route:sse_streams_open:sum", "count"),
        column("Rejected", "max", "route:sse_open_rejected:ratio_rate5m", decimals=1),
        column("Slow start", "max", "route:sse_first_event_slow:ratio_rate10m", decimals=1),
        column(
            "Reconnect", "max", "route:sse_reconnect_time_seconds:mean5m", "seconds", decimals=1
        ),
        column("Over 5 s", "max", "route:sse_reconnects_slow:ratio_rate10m", decimals=1),
        column("Saturation", "max", "route:sse_stream_saturation:ratio"),
        minimum=None,
        no_value="–",
        columns={"route": "Route"},
        colours={"Budget left": "bad"},
        steps=(Step(0, "warn"), Step(0.25, "plain")),
    ),
)

STREAM_HEALTH = Board(
    name="stream-health",
    title="SSE / Stream Health",
    question="Do streams reach their end?",
    rows=(
        _ANSWER,
        _OPENING,
        _DELIVERING,
        _RECOVERING,
        _ENDING,
        _ROUTES,
        *DEPTH,
    ),
)
