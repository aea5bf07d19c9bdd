"""An observed application, with metrics and clock of its own."""

import pytest

from sse_observe import SSEObserveMiddleware


@pytest.fixture
def observe(metrics, clock):
    """Return a function that wraps an application, with metrics and clock of its own."""

    def wrap(app, **options):
        return SSEObserveMiddleware(app, metrics=metrics, clock=clock, **options)

    return wrap
