"""The middleware as a benchmark wants it: wrapped around one application, 50 routes declared."""

from typing import Any

from sse_observe import SSEObserveMiddleware, StreamRoute

ROUTES = {f"/r{k}/stream": StreamRoute(heartbeat_seconds=10) for k in range(50)}


def factory(app: Any) -> Any:
    """Return the application with everything counted."""
    return SSEObserveMiddleware(app, routes=ROUTES)
