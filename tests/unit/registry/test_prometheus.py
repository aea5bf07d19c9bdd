"""The sink that is prometheus_client."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from sse_observe.registry.nowhere import NOTHING
from sse_observe.registry.prometheus import PrometheusSink


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        ("counter", "sse_concurrent_streams"),
        ("gauge", "sse_sent_bytes_total"),
        ("histogram", "sse_sent_bytes_total"),
        ("counter", "sse_nothing_total"),
    ],
)
def test_a_wrong_name_or_kind_is_an_error_at_once(ask: str, name: str) -> None:
    """Nothing is counted into a metric that nobody exposes."""
    with pytest.raises(KeyError):
        getattr(PrometheusSink(CollectorRegistry()), ask)(name, "/s")


def test_a_series_exists_from_the_first_time_it_is_asked_for() -> None:
    """Asking is creating, at 0."""
    registry = CollectorRegistry()
    PrometheusSink(registry).counter("sse_open_rejected_total", "/s", "4xx")

    labels = {"route": "/s", "status": "4xx"}
    assert registry.get_sample_value("sse_open_rejected_total", labels) == 0


def by_hand(registry: CollectorRegistry) -> None:
    """Define two of our names as an application may have done, and count in them."""
    Gauge("sse_concurrent_streams", "By hand", registry=registry).set(7)
    Counter("sse_message_loss_total", "By hand", ["stream_id"], registry=registry).labels("a").inc()


@pytest.mark.parametrize("order", ["before", "after"])
def test_names_of_the_application_stay_its_own(order, caplog) -> None:
    """Whichever is defined first, nothing raises, its numbers are shown, and one line says so."""
    registry = CollectorRegistry()
    if order == "before":
        by_hand(registry)
    sink = PrometheusSink(registry)
    sink.gauge("sse_concurrent_streams", "/s").set(1)
    sink.counter("sse_message_loss_total", "/s", "server").inc()
    sink.counter("sse_open_rejected_total", "/s", "4xx").inc()
    if order == "after":
        by_hand(registry)

    texts = [generate_latest(registry).decode() for _ in range(2)]

    assert texts[0].count("# TYPE sse_concurrent_streams ") == 1
    assert "\nsse_concurrent_streams 7.0\n" in texts[0]
    assert '\nsse_message_loss_total{stream_id="a"} 1.0\n' in texts[0]
    assert "/s" not in "".join(line for line in texts[0].splitlines() if "_loss_" in line)
    for text in texts:
        assert '\nsse_open_rejected_total{route="/s",status="4xx"} 1.0\n' in text
    [record] = caplog.records
    named = record.getMessage().split(": ")[0]
    assert named == "sse_concurrent_streams, sse_message_loss_total"
    assert "count in a registry of our own: SSEObserveMiddleware(app, metrics=" in caplog.text


def test_families_are_shown_by_the_reading_that_finds_them_free() -> None:
    """The first scrape is as whole as the second."""
    registry = CollectorRegistry()
    PrometheusSink(registry).gauge("sse_concurrent_streams", "/s").set(1)

    first = generate_latest(registry)

    assert b"sse_concurrent_streams{" in first
    assert first == generate_latest(registry)


def test_in_shared_files_a_taken_name_is_not_written() -> None:
    """There both would be one family, of two shapes."""
    registry = CollectorRegistry()
    by_hand(registry)
    sink = PrometheusSink(registry, is_shared=True)
    list(sink.collect())
    sink.show()

    assert sink.gauge("sse_concurrent_streams", "/s") is NOTHING
    assert sink.counter("sse_open_rejected_total", "/s", "4xx") is not NOTHING
    with pytest.raises(KeyError):
        sink.counter("sse_concurrent_streams", "/s")


def test_a_series_that_has_no_room_is_not_counted_and_said_once(monkeypatch, caplog) -> None:
    """A full disk costs what is new; each of those is a fault that an alert sees."""
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    known = sink.counter("sse_open_rejected_total", "/s", "4xx")
    faults = sink.counter("sse_observer_faults_total", "exposition")

    def full(*labels: str) -> None:
        raise OSError(28, "No space left on device")

    family = sink._families["sse_open_rejected_total"]
    monkeypatch.setattr(family, "labels", full)

    for status in ("5xx", "429"):
        assert sink.counter("sse_open_rejected_total", "/s", status) is NOTHING
    known.inc()

    assert faults.samples().__next__().value == 2
    [record] = caplog.records
    assert "No space left on device" in record.getMessage()
    assert "make room in PROMETHEUS_MULTIPROC_DIR" in record.getMessage()
