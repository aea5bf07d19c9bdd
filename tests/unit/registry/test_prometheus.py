"""The sink that is prometheus_client."""

import pytest
from prometheus_client import CollectorRegistry

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
