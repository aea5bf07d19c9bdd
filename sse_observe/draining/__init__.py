"""
Stopping a server without a failed stream: readiness, renewed feeds, finished answers.

Acts, where the middleware only looks. Entry: `drain()`.
"""

from sse_observe.draining.app import Drain, drain

__all__ = ["Drain", "drain"]
