"""
Queries over signals that many panels ask: the worst, by route, quantiles, how many in the range.

Each bounds the series that it returns; a board must stay readable with fifty routes.
"""

from collections.abc import Iterable
from dataclasses import replace

from sse_observe.catalog.model import Query, Unit, Weight

# Ten lines are what a legend and a reader can hold.
MOST_LINES = 10

# The name of a value that stands beside values of one route.
ALL = "all routes"


def highest(signal: str) -> Query:
    """Show the worst route of a signal where high is bad, by name and value, now."""
    return Query(expr=f"topk(1, max by (route) ({signal}))", legend="{{route}}", instant=True)


def lowest(signal: str) -> Query:
    """Show the worst route of a signal where low is bad, by name and value, now."""
    return Query(expr=f"bottomk(1, min by (route) ({signal}))", legend="{{route}}", instant=True)


def _far(how: str, end: str, label: str, signal: str, most: int) -> Query:
    """
    Draw a line for each value of a label: those that went farthest in the time range.

    They are chosen once for the range. A bare `topk` chooses at each step, and lines come and go.
    """
    reached = f"{how} by ({label}) ({end}_over_time({signal}[<< range >>] @ end()))"
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


def named(legend: str, signal: str) -> Query:
    """Draw one line, the worst route of a signal."""
    return Query(expr=f"max ({signal})", legend=legend)


def now(query: Query) -> Query:
    """Ask for the value now: the last value of an hour ago is no answer."""
    # A quantile of nothing is NaN, which Grafana would print.
    return replace(query, expr=f"{query.expr} >= 0", instant=True)


def bold(query: Query) -> Query:
    """Draw one query of a panel stronger than the others."""
    return replace(query, weight="bold")


def instances(query: str, *, exemplar: bool = False) -> Query:
    """Draw the instances that the reader chose, from raw series; twenty are enough to compare."""
    return Query(
        expr=f"topk(20, {query})", legend="{{instance}}", exemplar=exemplar, by_instance=True
    )


def burn(
    window: str,
    weight: Weight = "normal",
    *,
    failures: str = "sse_stream_failures",
    objective: str = "completion",
) -> Query:
    """Draw how many times faster than allowed streams fail on the worst route, over a window."""
    return Query(
        expr=f"max(route:{failures}:ratio_rate{window}) / << budget('{objective}') >>",
        legend=window,
        weight=weight,
    )


def column(title: str, how: str, signal: str, unit: Unit = "ratio", *, decimals: int = 0) -> Query:
    """Fill a column of the table of routes, the worst first; an application has fifty at most."""
    return Query(
        expr=f"{'bottomk' if how == 'min' else 'topk'}(50, {how} by (route) ({signal}))",
        legend=title,
        instant=True,
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
    """Count the events of a recorded rate in the time range."""
    grouping = f" by ({by})" if by else ""
    return Query(
        expr=f"sum{grouping} (sum_over_time({rate}[<< range >>])) * << interval >>",
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
    return (Query(expr=f"sum by (le) ({buckets})", legend="{{le}}"),)


def mean(total: str, buckets: str, *, by: str = "", legend: str = "") -> Query:
    """Divide the recorded sum of a histogram by its recorded count; absent when idle."""
    grouping = f" by ({by})" if by else ""
    count = f'{buckets}{{le="+Inf"}}'
    return Query(
        expr=f"sum{grouping} ({total}) / (sum{grouping} ({count}) > 0)",
        legend=legend,
    )
