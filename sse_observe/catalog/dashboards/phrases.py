"""
PromQL phrases over signals that many panels say: worst, by route, quantiles, how many in the range.

Each bounds the series that it returns; a board must stay readable with fifty routes.
"""

from collections.abc import Iterable
from dataclasses import replace

from sse_observe.catalog.model import Panel, Query
from sse_observe.metrics import METRICS

# Ten lines are what a legend and a reader can hold.
MOST_LINES = 10

QUANTILE_COLOURS = {"p50": "p50", "p95": "p95", "p99": "p99"}
NETWORK_COLOURS = {
    "slow-2g": "slow-2g",
    "2g": "2g",
    "3g": "3g",
    "4g": "4g",
    "unknown": "calm",
}
# Kinds of fault, none better than another: hues that stay apart without a verdict.
_KINDS = ("client", "p99", "warn", "2g", "4g", "calm")
_FAULTS = METRICS["sse_response_faults_total"].labels["fault"]
_PLACES = METRICS["sse_observer_faults_total"].labels["where"]
FAULT_COLOURS = dict(zip(_FAULTS, _KINDS, strict=False))
PLACE_COLOURS = dict(zip(_PLACES, _KINDS, strict=False))
OBSERVER_COLOURS = {"server": "plain", "client": "client"}

FIRING = 'ALERTS{alertname=~"SSE.+", alertstate="firing", route=~"$route|"}'
"""What fires for the selection; an alert of a whole job has no route."""

# Grafana tints a graph for as long as a mark lasts, once for each: a bad hour would be a red wall.
# The routes of an alert share its mark.
_BY_ALERT = "max by (alertname, severity)"
BEGAN = f"{_BY_ALERT} ({FIRING}) unless {_BY_ALERT} ({FIRING} offset $__interval)"
"""The moments at which alerts began to fire."""

# The newest start of a job is a new value after each restart and each deploy, whatever the
# instances are called.
STARTED = "max by (job) (sse_start_time_seconds)"
"""When the newest process of each job started, in Unix time."""

# Beside values of the worst route.
ALL = "all routes"

NO_REPORTS = "No client reports"
NO_TCP = "No TCP facts (tcp_info is off)"
NO_RESUMES = "No resumes"


def highest(signal: str) -> Query:
    """Show the worst route of a signal where high is bad, by name and value, now."""
    return Query(expr=f"topk(1, max by (route) ({signal}))", legend="{{route}}", instant=True)


def lowest(signal: str) -> Query:
    """Show the worst route of a signal where low is bad, by name and value, now."""
    return Query(expr=f"bottomk(1, min by (route) ({signal}))", legend="{{route}}", instant=True)


def _far(how: str, end: str, label: str, signal: str, most: int) -> Query:
    """
    Draw a line for each value of a label, those that went farthest in the time range.

    Chosen once for the range: a bare `topk` chooses at each step, and its lines come and go.
    """
    reached = f"{how} by ({label}) ({end}_over_time({signal}[$__range] @ end()))"
    chosen = f"{'bottomk' if end == 'min' else 'topk'}({most}, {reached})"
    return Query(expr=f"{how} by ({label}) ({signal}) and {chosen}", legend=f"{{{{{label}}}}}")


def high_by(label: str, signal: str) -> Query:
    """Draw the highest lines of a signal where high is bad."""
    return _far("max", "max", label, signal, MOST_LINES)


def low_by(label: str, signal: str, most: int = MOST_LINES) -> Query:
    """Draw the lowest lines of a signal where low is bad."""
    return _far("min", "min", label, signal, most)


def most_by(label: str, signal: str) -> Query:
    """Draw the largest sums of a signal that adds up."""
    return _far("sum", "max", label, signal, MOST_LINES)


def each(label: str, signal: str) -> Query:
    """Draw a line for each value of an enum of ours, the worst route of each."""
    return Query(expr=f"max by ({label}) ({signal})", legend=f"{{{{{label}}}}}")


def now(query: Query) -> Query:
    """Ask for this moment alone: what was last known an hour ago is no answer."""
    # A quantile of nothing is NaN, which Grafana would print.
    return replace(query, expr=f"{query.expr} >= 0", instant=True)


def bold(query: Query) -> Query:
    """Let one query of a panel be the one to read."""
    return replace(query, weight="bold")


def instances(query: str, *, exemplar: bool = False) -> Query:
    """Draw the instances that the reader chose, from raw series; twenty are enough to compare."""
    return Query(expr=f"topk(20, {query})", legend="{{instance}}", exemplar=exemplar)


def column(
    title: str, how: str, signal: str, unit: str = "percentunit", *, decimals: int = 0
) -> Query:
    """Fill a column of the table of routes, the worst first; an application has fifty at most."""
    return Query(
        expr=f"{'bottomk' if how == 'min' else 'topk'}(50, {how} by (route) ({signal}))",
        legend=title,
        instant=True,
        format="table",
        unit=unit,
        decimals=decimals,
    )


def sum_by(label: str, series: str) -> Query:
    """Add up a signal by one label."""
    return Query(expr=f"sum by ({label}) ({series})", legend=f"{{{{{label}}}}}")


def per_minute_by(label: str, rate: str) -> Query:
    """Show a rare event as a count per minute: nobody reads 0.02 per second."""
    return Query(expr=f"60 * sum by ({label}) ({rate})", legend=f"{{{{{label}}}}}")


def in_range(rate: str, by: str = "", legend: str = "") -> Query:
    """Count what a recorded rate saw in the dashboard's time range."""
    grouping = f" by ({by})" if by else ""
    return Query(
        expr=f"sum{grouping} (sum_over_time({rate}[$__range])) * << interval >>",
        legend=legend or (f"{{{{{by}}}}}" if by else ""),
        instant=True,
    )


def quantile(q: float, buckets: str, *, by: Iterable[str] = (), legend: str = "") -> Query:
    """Estimate a quantile from recorded buckets."""
    labels = ", ".join((*by, "le"))
    return Query(expr=f"histogram_quantile({q:g}, sum by ({labels}) ({buckets}))", legend=legend)


def quantiles(buckets: str) -> tuple[Query, ...]:
    """Draw p50, p95 and p99 in one panel."""
    return tuple(
        quantile(q, buckets, legend=legend)
        for q, legend in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def buckets_over_time(buckets: str) -> tuple[Query, ...]:
    """Feed a heatmap."""
    return (Query(expr=f"sum by (le) ({buckets})", legend="{{le}}", format="heatmap"),)


def mean(total: str, buckets: str, *, by: str = "", legend: str = "") -> Query:
    """Divide the recorded sum of a histogram by its recorded count; absent when idle."""
    grouping = f" by ({by})" if by else ""
    count = f'{buckets}{{le="+Inf"}}'
    return Query(
        expr=f"sum{grouping} ({total}) / (sum{grouping} ({count}) > 0)",
        legend=legend,
    )


def alerts_firing() -> Panel:
    """Say on every board whether somebody should be awake."""
    return Panel(
        title="Alerts firing",
        kind="stat",
        queries=(
            Query(
                expr=f"count({FIRING}) or vector(0)",
                instant=True,
            ),
        ),
        unit="locale",
        description="Alerts of this bundle that fire for the selected jobs and routes. A red "
        "mark on every graph says when one began; open that alert's runbook first.",
        width=3,
        height=5,
        decimals=0,
        steps=((1, "bad"),),
    )
