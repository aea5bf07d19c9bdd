"""Observability for Server-Sent Events: the runtime half's public names."""

from sse_observe.current import current_stream
from sse_observe.exposition import metrics_app
from sse_observe.metrics import SSEMetrics
from sse_observe.middleware import SSEObserveMiddleware
from sse_observe.routes import StreamRoute

__all__ = [
    "SSEMetrics",
    "SSEObserveMiddleware",
    "StreamRoute",
    "current_stream",
    "metrics_app",
]
