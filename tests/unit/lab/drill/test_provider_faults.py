"""The faults of providers: each is a gateway's, and an upstream's metrics alone see it."""

from sse_observe.catalog.load import load
from sse_observe.lab.drill.provider_faults import PROVIDER_FAULTS


def test_each_raises_an_alert_of_its_upstream_and_no_other() -> None:
    """The gateway makes up for its provider, so no route may fire."""
    alerts = {alert.name: alert for alert in load().alerts}
    signals = {signal.record: signal for signal in load().signals}

    for fault in PROVIDER_FAULTS:
        (name,) = fault.alerts
        labels = signals[alerts[name].signals()[0]].labels
        assert fault.provider is not None
        assert "upstream" in labels
        assert "route" not in labels
