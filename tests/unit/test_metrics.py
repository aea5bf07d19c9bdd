"""The metric vocabulary: complete, bounded, at zero from the start, and cheap to scrape."""

import re
from collections import Counter

import pytest
from prometheus_client import generate_latest

from sse_observe.metrics import ALL_USERS, GOODPUT_LIMITS, METRICS, SERVICE_METRICS, Metric
from sse_observe.reference.redis.counts import StoreCounts
from sse_observe.registry import SSEMetrics

# Judged streams stand for 40 of them; a route seen from one network exports 11 for its goodput.
DESIGN_BUDGET_PER_ROUTE = 260


DESIGN_BUDGET_EVERYTHING = 400


DESIGN_BUDGET_PER_SEGMENT = 115


def samples(metrics: SSEMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_names_and_help_follow_the_conventions(metric: Metric) -> None:
    """Base units, `_total` on counters alone, a full sentence of help, at most 14 bounds."""
    assert re.fullmatch(r"sse_[a-z0-9_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not re.search(r"_(ms|milliseconds|percent|kb)(_|$)", metric.name)
    assert metric.help.endswith(".")
    assert len(metric.buckets) <= 14
    assert list(metric.buckets) == sorted(metric.buckets)
    assert not {"stream_id", "user_id", "path", "url"} & set(metric.labels)


def test_a_route_stays_within_the_series_budget() -> None:
    """A fleet's Prometheus is sized by these numbers; a new metric has to fit."""
    by_source = Counter[str]()
    for metric in SERVICE_METRICS.values():
        by_source[metric.source] += metric.series()
    server_side = by_source["server"] + by_source["replay"]

    assert server_side <= DESIGN_BUDGET_PER_ROUTE
    others = sum(by_source[source] for source in ("process", "store", "upstream"))
    of_routes = by_source.total() - others
    assert of_routes <= DESIGN_BUDGET_EVERYTHING
    two_segments = sum(metric.series(segments=2) for metric in SERVICE_METRICS.values())
    assert two_segments - by_source.total() <= DESIGN_BUDGET_PER_SEGMENT


def test_the_budget_counts_what_is_really_exposed(metrics: SSEMetrics) -> None:
    """The arithmetic of `series` equals the lines of a scrape with everything on."""
    for source in ("server", "replay", "tcp", "client"):
        metrics.zero("/chat", source)
        for network in METRICS["sse_streams_opened_total"].labels["network_type"]:
            metrics.zero_segment("/chat", ALL_USERS, network, source)
    StoreCounts(metrics)
    metrics.zero("openai", "upstream")
    metrics.gauge("sse_heartbeat_interval_seconds", "/chat").set(10)
    metrics.gauge("sse_stream_limit", "/chat").set(10)
    for limit in GOODPUT_LIMITS:
        metrics.gauge("sse_goodput_limit_seconds", "/chat", limit).set(10)
    metrics.gauge("sse_route_info", "/chat", "finite").set(1)

    unused_kind = 1  # a route is finite or continuous, never both
    assert len(samples(metrics)) == sum(m.series() for m in SERVICE_METRICS.values()) - unused_kind
