"""Pieces that are written one by one are what prometheus_client writes at once, in any format."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily

from sse_observe import SSEMetrics
from sse_observe.exposition import rendering
from sse_observe.exposition.rendering import Families, format_of
from sse_observe.registry.families import LazyMetric

OPENMETRICS = "application/openmetrics-text"
ESCAPINGS = ["", *(f"; escaping={way}" for way in ("allow-utf-8", "underscores", "dots", "values"))]
ACCEPTED = [
    "",
    "text/plain; version=0.0.4",
    *(f"text/plain; version=1.0.0{way}" for way in ESCAPINGS),
    *(f"{OPENMETRICS}; version=1.0.0{way}" for way in ESCAPINGS),
    f"{OPENMETRICS}; version=2.0.0",
    OPENMETRICS,
]
TEXTS = st.text(max_size=5) | st.sampled_from(['"', "\\", "\n", "\u2028", "\r", "ä{}", ""])
AMOUNTS = st.floats(0, allow_infinity=False) | st.integers(0, 10**9).map(float)
VALUES = st.floats()
BINS = st.lists(st.integers(0, 5), min_size=14, max_size=14)
CHANGES = st.one_of(
    st.tuples(st.just("counter"), TEXTS, AMOUNTS),
    st.tuples(st.just("gauge"), TEXTS, VALUES),
    st.tuples(st.just("histogram"), TEXTS, st.tuples(BINS, VALUES)),
    st.tuples(st.just("exemplar"), TEXTS, st.tuples(st.floats(0, 400), TEXTS)),
)


def written(accept, families):
    """Return the pieces of some families, joined."""

    async def write():
        form = format_of(accept)
        pieces = [piece for family in families async for piece in form.pieces(family)]
        return b"".join(pieces) + form.end

    return asyncio.run(write())


def change(metrics, kind, label, amount):
    """Let something happen to one series."""
    if kind == "counter":
        metrics.counter("sse_open_rejected_total", label, "4xx").inc(amount)
    elif kind == "gauge":
        metrics.gauge("sse_route_info", label, "finite").set(amount)
    elif kind == "histogram":
        metrics.histogram("sse_time_to_first_event_seconds", label).add(*amount)
    else:
        series = metrics.histogram("sse_time_to_first_event_seconds", label)
        value, trace = amount
        series.exemplify(value, {"trace_id": trace})


@settings(max_examples=20)
@given(st.lists(CHANGES, max_size=8), st.lists(CHANGES, max_size=4))
def test_families_of_ours_are_written_byte_for_byte(first, later):
    """Any label, number and exemplar, in any format and way of escaping; and again afterwards."""
    metrics = SSEMetrics(CollectorRegistry())
    list(metrics.registry.collect())
    for changes in (first, [], later):
        for one in changes:
            change(metrics, *one)
        for accept in ACCEPTED:
            encode, content_type = choose_encoder(accept)
            assert format_of(accept).content_type == content_type
            assert written(accept, metrics.registry.collect()) == encode(metrics.registry)


def foreign(registry):
    """Define a metric of each kind that an application may have."""
    Counter("a_counter", "x", ["l"], registry=registry).labels("v").inc(2, {"trace": "7"})
    Gauge("a_gauge", 'a "help"\\\nof two lines', registry=registry).set(float("nan"))
    Summary("a_summary", "x", registry=registry).observe(2)
    Histogram("a_histogram", "x", registry=registry, unit="seconds").observe(0.2, {"t": "8"})
    Info("a_build", "x", registry=registry).info({"v": '1"'})
    Enum("a_state", "x", states=["on", "off"], registry=registry).state("off")


@pytest.mark.parametrize("accept", ACCEPTED)
def test_families_of_others_are_written_as_ever(accept):
    """Created series, exemplars, units and infos stay what prometheus_client makes of them."""
    metrics = SSEMetrics(CollectorRegistry())
    list(metrics.registry.collect())
    foreign(metrics.registry)
    encode, _ = choose_encoder(accept)

    assert written(accept, metrics.registry.collect()) == encode(metrics.registry)


@pytest.mark.parametrize("accept", ["", f"{OPENMETRICS}; version=1.0.0"])
@pytest.mark.parametrize(
    "names",
    [
        ["sse_time_to_first_event_seconds_count"],
        ["sse_time_to_first_event_seconds_bucket", "sse_time_to_first_event_seconds_sum"],
        ["sse_open_rejected_total"],
        ["sse_open_rejected", "sse_time_to_first_event_seconds"],
        ["nothing"],
    ],
)
def test_samples_that_are_asked_for_by_name_are_the_same(accept, names):
    """`name[]` names samples, and a family without any is left out."""
    metrics = SSEMetrics(CollectorRegistry())
    list(metrics.registry.collect())
    for label in ("/a", 'sse_open_rejected_total{x="\n"}', "/b c"):
        change(metrics, "counter", label, 1)
        change(metrics, "exemplar", label, (1, "x"))
    encode, _ = choose_encoder(accept)
    # Its order is that of a set: each family alone.
    restricted = metrics.registry.restricted_registry(names)
    families = list(restricted.collect())

    assert written(accept, families) == encode(Families(families))
    plain = [sample.name for family in families for sample in family.samples]
    assert set(plain) == set(names) & set(plain)
    assert bool(families) == ("_total" in names[0] or "_seconds_" in names[0])


def test_our_families_write_themselves_where_the_format_is_known():
    """Or a scrape would cost what it cost before, and nobody would notice."""
    known = {accept: format_of(accept)._exemplars for accept in ACCEPTED}

    assert known[""] is False
    assert known[f"{OPENMETRICS}; version=1.0.0"] is True
    assert known[f"{OPENMETRICS}; version=1.0.0; escaping=dots"] is None


@pytest.mark.parametrize(
    "accept",
    [
        f"{OPENMETRICS};version=banana",
        f"{OPENMETRICS};version=1.",
        "text/plain;version=²",
        f"{OPENMETRICS};version=1.0.0;escaping=\xff",
        ";" * 1000,
        "," * 1000,
    ],
)
def test_what_cannot_be_understood_is_answered_in_some_format(metrics, accept):
    """A stranger's header is no error of ours."""
    assert written(accept, metrics.registry.collect()).startswith(b"# HELP ")


def test_a_stranger_cannot_fill_the_memory_with_formats():
    """Each version number is a content type of its own."""
    for minor in range(100):
        format_of(f"{OPENMETRICS}; version=1.{minor}.0")

    assert len(rendering._formats) <= rendering._MOST_FORMATS


def test_a_long_family_of_others_is_written_beside_the_loop():
    """It is written as one, so the loop must not wait for it."""
    family = GaugeMetricFamily("long", "x", labels=["n"])
    for n in range(rendering._LONG_FAMILY):
        family.add_metric([str(n)], n)
    short = GaugeMetricFamily("short", "x", value=1)
    threads = []
    encode, _ = choose_encoder("")

    def noting(registry):
        threads.append(threading.current_thread() is threading.main_thread())
        return encode(registry)

    form = rendering.Format(noting, "x")
    threads.clear()

    async def write():
        return [piece for each in (family, short) async for piece in form.pieces(each)]

    assert b"".join(asyncio.run(write())) == encode(Families([family, short]))
    assert threads == [False, True]


def test_pieces_are_small(metrics):
    """A piece is what the loop waits for."""
    for n in range(500):
        metrics.counter("sse_open_rejected_total", f"/{n:04}", "4xx")
    [family] = [f for f in metrics.registry.collect() if f.name == "sse_open_rejected"]
    assert isinstance(family, LazyMetric)

    async def pieces():
        return [piece async for piece in format_of("").pieces(family)]

    sizes = [len(piece) for piece in asyncio.run(pieces())]
    assert max(sizes) < 2 * rendering._PIECE
