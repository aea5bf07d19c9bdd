"""The metrics of one registry: at zero from the start, made once."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sse_observe.errors import SettingsError
from sse_observe.metrics import ALL_USERS, METRICS, REASONS
from sse_observe.registry import SSEMetrics, chosen_metrics, default_metrics


def samples(metrics: SSEMetrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_every_child_with_known_labels_starts_at_zero(metrics: SSEMetrics) -> None:
    """`increase()` over a series that starts at 1 misses the first event."""
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


def test_an_entry_point_is_given_metrics_or_nothing() -> None:
    """A registry of prometheus_client is an easy mistake: the line says what to write."""
    ours = SSEMetrics(CollectorRegistry())

    assert chosen_metrics(ours, "here") is ours
    assert chosen_metrics(None, "here") is default_metrics()
    with pytest.raises(SettingsError, match=r"^here: metrics is of type CollectorRegistry"):
        chosen_metrics(CollectorRegistry(), "here")
