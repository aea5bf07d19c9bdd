"""The metric vocabulary: complete, bounded, born at zero, and cheap to scrape."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sse_observe.metrics import ALL_USERS, METRICS, REASONS, Metric
from sse_observe.registry import SSEMetrics
from tests.support.paths import ROOT

DESIGN_BUDGET_PER_ROUTE = 200
DESIGN_BUDGET_EVERYTHING = 340
DESIGN_BUDGET_PER_SEGMENT = 60


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
    for metric in METRICS.values():
        by_source[metric.source] += metric.series()
    server_side = by_source["server"] + by_source["replay"]

    assert server_side <= DESIGN_BUDGET_PER_ROUTE
    assert by_source.total() <= DESIGN_BUDGET_EVERYTHING
    two_segments = sum(metric.series(segments=2) for metric in METRICS.values())
    assert two_segments - by_source.total() <= DESIGN_BUDGET_PER_SEGMENT


def test_design_states_what_a_fleet_pays() -> None:
    """Whoever sizes a Prometheus by DESIGN.md sizes it by the vocabulary as it is."""
    route, process = Counter[str](), Counter[str]()
    for metric in METRICS.values():
        (route if "route" in metric.labels else process)[metric.source] += metric.series()
    lean = 5 * (route["server"] + route["replay"]) + process["server"] + process["process"]
    whole = 5 * route.total() + process.total()
    stated = (ROOT / "DESIGN.md").read_text()

    for number in (route["server"] + route["replay"], route.total(), process.total()):
        assert f" {number} " in stated or f" {number} with everything on" in stated
    for series in (lean * 1000, whole * 1000):
        assert f"{series:,} series" in stated or f"{series:,} with everything on" in stated
        assert f"{series // 15:,} " in stated


def test_the_budget_counts_what_is_really_exposed(metrics: SSEMetrics) -> None:
    """The arithmetic of `series` equals the lines of a scrape with everything on."""
    for source in ("server", "replay", "tcp", "client"):
        metrics.zero("/chat", source)
        for network in METRICS["sse_streams_opened_total"].labels["network_type"]:
            metrics.zero_segment("/chat", ALL_USERS, network, source)
    metrics.gauge("sse_heartbeat_interval_seconds", "/chat").set(10)
    metrics.gauge("sse_stream_limit", "/chat").set(10)
    metrics.gauge("sse_route_info", "/chat", "finite").set(1)

    unused_kind = 1  # a route is finite or continuous, never both
    assert len(samples(metrics)) == sum(m.series() for m in METRICS.values()) - unused_kind


def test_every_child_with_known_labels_is_born_at_zero(metrics: SSEMetrics) -> None:
    """`increase()` over a series that is born at 1 misses the first event."""
    metrics.zero("/chat")
    metrics.zero_segment("/chat", ALL_USERS, "unknown")
    found = samples(metrics)

    for reason in REASONS:
        name = "sse_streams_closed_total"
        key = f'{name}{{network_type="unknown",reason="{reason}",route="/chat",user_segment="all"}}'
        assert found[key] == 0
    assert found['sse_message_loss_total{route="/chat",seen_by="server"}'] == 0


def test_a_source_that_is_off_exports_no_series(metrics: SSEMetrics) -> None:
    """Nobody pays for TCP, replay or client series that nothing feeds."""
    metrics.zero("/chat")
    metrics.zero_segment("/chat", ALL_USERS, "unknown")
    off = [m.name for m in METRICS.values() if m.source in ("replay", "tcp", "client")]
    found = samples(metrics)

    assert [key for key in found if key.startswith(tuple(off))] == []
    assert [key for key in found if 'seen_by="client"' in key] == []


def test_no_created_series_is_exposed(metrics: SSEMetrics) -> None:
    """prometheus_client would write one more series for every counter and histogram."""
    metrics.zero("/chat")

    assert "_created" not in generate_latest(metrics.registry).decode()


def test_adding_counted_observations_equals_observing_them(metrics: SSEMetrics) -> None:
    """The one use of prometheus_client's private parts gives what `observe` gives."""
    observed = metrics.histogram("sse_event_gap_seconds", "/observed")
    added = metrics.histogram("sse_event_gap_seconds", "/added")
    values = [0.001, 0.02, 0.02, 7.0, 1000.0]
    counts = [0] * (len(METRICS["sse_event_gap_seconds"].buckets) + 1)
    for value in values:
        observed.observe(value)
        counts[sum(value > bound for bound in METRICS["sse_event_gap_seconds"].buckets)] += 1

    added.add(counts, sum(values))

    found = samples(metrics)
    ours = {k.replace("/added", "/x"): v for k, v in found.items() if "/added" in k}
    theirs = {k.replace("/observed", "/x"): v for k, v in found.items() if "/observed" in k}
    assert ours == theirs


def test_a_registry_holds_the_metrics_once() -> None:
    """A module that is loaded again goes on counting where it counted before."""
    registry = CollectorRegistry()
    first = SSEMetrics(registry)
    first.counter("sse_sent_bytes_total", "/x").inc(3)

    second = SSEMetrics(registry)
    second.counter("sse_sent_bytes_total", "/x").inc(4)

    assert registry.get_sample_value("sse_sent_bytes_total", {"route": "/x"}) == 7
    assert first.attach(dict, dict) is second.attach(dict, dict)
    assert SSEMetrics(CollectorRegistry()).attach(dict, dict) is not first.attach(dict, dict)


@pytest.mark.slow
def test_the_oldest_worker_gives_the_start_time(tmp_path: Path) -> None:
    """A replaced worker must not make an old loss look like one of the first minutes."""
    code = (
        "from sse_observe.registry import SSEMetrics; from prometheus_client import *;"
        "from prometheus_client.multiprocess import MultiProcessCollector as C;"
        "SSEMetrics(CollectorRegistry()); r = CollectorRegistry(); C(r);"
        "print(r.get_sample_value('sse_start_time_seconds'))"
    )
    starts = [
        float(
            subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                capture_output=True,
                text=True,
                env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
            ).stdout
        )
        for _ in range(2)
    ]

    assert starts[0] == starts[1]
