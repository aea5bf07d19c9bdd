"""A middleware that reads sockets, and a line for it to read."""

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from tests.support.tcp_pair import Line
from tests.support.tcp_streams import until_left


@pytest.fixture
def line():
    made = Line()
    yield made
    made.close()


@pytest.fixture
def observed(metrics):
    routes = {"/s": StreamRoute(), "/t": StreamRoute()}
    return SSEObserveMiddleware(until_left, routes=routes, metrics=metrics, tcp_info=True)


@pytest.fixture
def tracker(metrics):
    return StreamTracker.of(metrics)
