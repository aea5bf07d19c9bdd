"""Known routes: the path that a browser names is none of the labels, its route is."""

import pytest

from sse_observe.beacon.known_routes import KnownRoutes
from sse_observe.middleware.routes import Resolved, StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics


def count(metrics: SSEMetrics, *labels: str) -> None:
    """Let streams of these routes have been counted."""
    for label in labels:
        StreamTracker.of(metrics).counts_of(Resolved(label, StreamRoute()))


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/chat/7", "/chat/{id}"),
        ("/chat/7/8", "other"),
        ("/plain", "/plain"),
        ("/strange", "other"),
        ("", "other"),
        ("no template {", "no template {"),
    ],
)
def test_a_path_belongs_to_a_route_that_is_counted_already(
    path: str, route: str, metrics: SSEMetrics
) -> None:
    """A framework's name that is no template is found by itself alone."""
    count(metrics, "/chat/{id}", "/plain", "no template {")

    assert KnownRoutes(metrics).label_of(path) == route


def test_a_route_that_is_counted_later_is_known_from_then_on(metrics: SSEMetrics) -> None:
    """The first stream of a route may be opened at any time."""
    routes = KnownRoutes(metrics)
    assert routes.label_of("/chat/7") == "other"

    count(metrics, "/chat/{id}")

    assert routes.label_of("/chat/7") == "/chat/{id}"
