"""
`/metrics` over HTTP, inside the application or on a port of its own.

Holds no metric. Entries: `metrics_app()` and `metrics_server()`.
"""

from sse_observe.exposition.app import MetricsApp, metrics_app
from sse_observe.exposition.server import MetricsServer, metrics_server

__all__ = ["MetricsApp", "MetricsServer", "metrics_app", "metrics_server"]
