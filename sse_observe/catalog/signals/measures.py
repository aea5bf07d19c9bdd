"""
Forms of a signal: a metric as recorded, a share, a number, a total over a window.

Knows how each form is written, and no signal.
"""

from collections.abc import Iterable
from dataclasses import replace

from sse_observe.catalog.model import Interval, Signal, Unit
from sse_observe.metrics import METRICS

ROUTE = ("job", "route")
SPLIT = ("job", "route", "user_segment", "network_type")
ALL_BOUNDS = 'le="+Inf"'
# prometheus_client writes le="5.0", and Prometheus 3 normalises to that; others write le="5".
FIVE_SECONDS = r'le=~"5(\\.0)?"'


def counter(
    metric: str,
    *labels: str,
    unit: Unit = "operations/s",
    prefix: str = "route",
    interval: Interval = "usual",
) -> Signal:
    """Record the rate of a counter over the fleet, by its own labels or by those given."""
    return Signal(
        record=f"{prefix}:{metric.removesuffix('_total')}:rate5m",
        expr=f"sum by (<< by >>) (rate({metric}[<< rate('5m') >>]))",
        unit=unit,
        help=f"{METRICS[metric].help} Per second.",
        labels=("job", *(labels or METRICS[metric].labels)),
        per_second=True,
        interval=interval,
    )


def buckets(metric: str) -> Signal:
    """Record the bucket rates of a histogram: for quantiles, heatmaps and shares over a bound."""
    return Signal(
        record=f"route:{metric}_bucket:rate5m",
        expr=f"sum by (<< by >>) (rate({metric}_bucket[<< rate('5m') >>]))",
        unit="operations/s",
        help=f"{METRICS[metric].help} Observations per second, by upper bound.",
        labels=("job", *METRICS[metric].labels, "le"),
        per_second=True,
        interval="slow",
    )


def gauge(metric: str, unit: Unit = "count") -> Signal:
    """Record a gauge, summed over the fleet."""
    return Signal(
        record=f"route:{metric}:sum",
        expr=f"sum by (<< by >>) ({metric})",
        unit=unit,
        help=METRICS[metric].help,
    )


def average(metric: str) -> Signal:
    """Record how many streams were in a state, on average over five minutes."""
    return Signal(
        record=f"route:{metric}:avg5m",
        expr=f"sum by (<< by >>) (avg_over_time({metric}[<< w('5m') >>]))",
        unit="count",
        help=f"{METRICS[metric].help} On average over five minutes.",
    )


def share(record: str, expr: str, text: str, *labels: str) -> Signal:
    """Record a ratio."""
    return Signal(record=record, expr=expr, unit="ratio", help=text, labels=labels or ROUTE)


def number(record: str, expr: str, text: str, *labels: str) -> Signal:
    """Record a count, within a window or of now."""
    return Signal(record=record, expr=expr, unit="count", help=text, labels=labels or ROUTE)


def total(rate: str, window: str, *, merged: bool = False) -> str:
    """
    Count the events of a recorded rate in a window; `merged` if the rate has labels to drop.

    A sum over evaluations, not rate × window: the product would be too large on a route that is
    younger than the window.
    """
    count = f"sum_over_time({rate}[<< w('{window}') >>])"
    return f"{f'sum by (<< by >>) ({count})' if merged else count} * << interval >>"


def rate(record: str, expr: str, text: str, labels: tuple[str, ...] = ROUTE) -> Signal:
    """Record something per second."""
    return Signal(
        record=record, expr=expr, unit="operations/s", help=text, labels=labels, per_second=True
    )


def about(topic: str, signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Return signals as those of one topic, which names the groups that they are evaluated in."""
    return tuple(replace(signal, topic=topic) for signal in signals)


def observed(buckets: str, bound: str, window: str, offset: str = "") -> str:
    """Add up the observations of a recorded histogram within a bound, over a window."""
    when = f" offset << w('{offset}') >>" if offset else ""
    return f"sum by (<< by >>) (sum_over_time({buckets}{{{bound}}}[<< w('{window}') >>]{when}))"


def over_bound(
    name: str, buckets: str, bound: str, window: str, things: str, *labels: str
) -> tuple[Signal, Signal]:
    """Record the share and the number of observations over a bound of a recorded histogram."""
    every, within = (observed(buckets, up_to, window) for up_to in (ALL_BOUNDS, bound))
    return (
        share(
            f"route:{name}:ratio_rate{window}",
            f"1 - {within} / ({every} > 0)",
            f"Share of {things}.",
            *labels,
        ),
        number(
            f"route:{name}:increase{window}",
            f"({every} - {within}) * << interval >>",
            f"Number of {things}, within {window}.",
            *labels,
        ),
    )
