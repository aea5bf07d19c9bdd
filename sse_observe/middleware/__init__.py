"""
Everything that sees a stream: the ASGI middleware and what it counts by.

Owns the path of a message, the registry of open streams and the one-second tick. Knows no
framework and no alert. Entry: `SSEObserveMiddleware`.
"""

from sse_observe.middleware.app import SSEObserveMiddleware

__all__ = ["SSEObserveMiddleware"]
