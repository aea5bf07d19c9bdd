"""Kernel facts of the socket under a stream, on Linux: segments, losses, round trips, backlog."""

from sse_observe.middleware.tcp.sockets import Sockets

__all__ = ["Sockets"]
