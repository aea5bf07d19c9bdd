"""
The routes that are counted already, found by the path that a browser names.

A path itself never becomes a label: what matches no route is `other`.
"""

from sse_observe.metrics import OTHER
from sse_observe.middleware.templates import Template, template_of
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics


class KnownRoutes:
    """The routes of one registry; new ones are seen when they are first counted."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        # By their labels; never fewer, since a tracker forgets no route.
        self._templates: list[Template | None] = []

    def label_of(self, path: str) -> str:
        """Return the label of the route that a path belongs to."""
        labels = StreamTracker.of(self._metrics).labels()
        if path in labels:
            return path
        for label in labels[len(self._templates) :]:
            self._templates.append(template_of(label))
        found = (t.label for t in self._templates if t is not None and t.matches(path))
        return next(found, OTHER)
