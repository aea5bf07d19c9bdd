"""
Observability for Server-Sent Events: the runtime half's public names.

Each is loaded when it is first asked for, so that the command line need not load the runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sse_observe.beacon import UnconfirmedStream, beacon_app
    from sse_observe.draining import drain
    from sse_observe.exposition import metrics_app, metrics_server
    from sse_observe.middleware import SSEObserveMiddleware
    from sse_observe.middleware.current_stream import current_stream
    from sse_observe.middleware.routes import StreamRoute
    from sse_observe.registry import SSEMetrics
    from sse_observe.upstream import observe_client

__all__ = [
    "SSEMetrics",
    "SSEObserveMiddleware",
    "StreamRoute",
    "UnconfirmedStream",
    "beacon_app",
    "current_stream",
    "drain",
    "metrics_app",
    "metrics_server",
    "observe_client",
]

_HOMES = {
    "SSEMetrics": "registry",
    "SSEObserveMiddleware": "middleware",
    "StreamRoute": "middleware.routes",
    "UnconfirmedStream": "beacon",
    "beacon_app": "beacon",
    "current_stream": "middleware.current_stream",
    "drain": "draining",
    "metrics_app": "exposition",
    "metrics_server": "exposition",
    "observe_client": "upstream",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
