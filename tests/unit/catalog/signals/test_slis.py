"""Derived SLIs: made of signals alone."""

from sse_observe.catalog.series import RAW, series_in
from sse_observe.catalog.signals.slis import SLIS


def test_only_the_recordings_read_raw_metrics() -> None:
    """A derived SLI never names a raw metric."""
    for signal in SLIS:
        assert not {*RAW} & set(series_in(signal.expr)), signal.record
