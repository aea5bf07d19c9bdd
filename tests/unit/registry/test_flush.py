"""Counts are written down as differences, each on its own series."""

from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, StreamRoute
from sse_observe.middleware.route_counts import RouteCounts
from sse_observe.registry.flush import Flush
from tests.support.recording_sink import RecordingSink


def flushed(*changes):
    """Write down one route's counts after each change; return the samples after the last."""
    sink = RecordingSink()
    counts = RouteCounts("/s", StreamRoute())
    flush = Flush(SSEMetrics(CollectorRegistry(), sink=sink), counts, "/s")
    for change in changes:
        change(counts)
        flush.write()
    found = {key: value for key, value in sink.samples().items() if value}
    return {key: value for key, value in found.items() if key[0] != "sse_start_time_seconds"}


def test_gauges_move_by_their_difference() -> None:
    """Several processes add theirs up, so a gauge is never set."""

    def opens(counts):
        counts.open += 3

    def closes(counts):
        counts.open -= 1

    found = flushed(opens, closes, lambda _: None)

    assert found["sse_concurrent_streams", frozenset({("route", "/s")})] == 2


def test_every_field_reaches_the_metric_that_it_names() -> None:
    """Every field is exposed: none can be left out of a flush."""
    for one in (*RouteCounts.FIELDS.numbers, *RouteCounts.FIELDS.gauges):
        found = flushed(lambda counts, name=one.name: setattr(counts, name, 7))
        labels = {("route", "/s"), *one.fixed.items()}
        assert found[one.metric.name, frozenset(labels)] == 7
    for one in RouteCounts.FIELDS.keyed:
        free = [name for name in one.metric.labels if name not in ("route", *one.fixed)]
        key = tuple((one.metric.labels[name] or ("all",))[0] for name in free)

        def add(counts, name=one.name, key=key):
            getattr(counts, name)[key] += 7

        labels = {("route", "/s"), *zip(free, key, strict=True), *one.fixed.items()}
        assert flushed(add)[one.metric.name, frozenset(labels)] == 7
    for one in RouteCounts.FIELDS.distributions:
        found = flushed(lambda counts, name=one.name: getattr(counts, name).add(0.25))
        assert found[f"{one.metric.name}_sum", frozenset({("route", "/s")})] == 0.25
        assert found[f"{one.metric.name}_count", frozenset({("route", "/s")})] == 1


def test_what_is_written_once_is_not_written_again() -> None:
    """A flush without anything new changes nothing."""

    def lose(counts):
        counts.lost += 4

    once = flushed(lose)

    assert flushed(lose, lambda _: None, lambda _: None) == once


def test_neighbours_start_with_the_first_of_a_segment() -> None:
    """A rate sees no series that begins at 1, so all endings of a segment begin together."""
    sink = RecordingSink()
    counts = RouteCounts("/s", StreamRoute())
    counts.opened["fresh", "free", "4g"] += 1
    Flush(SSEMetrics(CollectorRegistry(), sink=sink), counts, "/s").write()

    closed = [labels for name, labels in sink.series if name == "sse_streams_closed_total"]
    assert ("/s", "completed", "free", "4g") in closed
    assert ("/s", "server_error", "free", "4g") in closed
