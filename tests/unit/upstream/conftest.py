"""An observed application and an observed client, with metrics and one clock of their own."""

import pytest

from sse_observe import SSEObserveMiddleware
from sse_observe.middleware.tracker import StreamTracker


@pytest.fixture
def observe(metrics, clock):
    """Return a function that wraps an application, with metrics and clock of its own."""
    # Whoever comes first chooses the clock, and that may be the client.
    StreamTracker.of(metrics, clock)

    def wrap(app, **options):
        return SSEObserveMiddleware(app, metrics=metrics, clock=clock, **options)

    return wrap
