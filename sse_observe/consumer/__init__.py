"""
A resilient consumer of event streams for Python services: `async for event in resume_stream(url)`.

Entered by `resume_stream()`. Recovers as our browser client recovers, and exports the client's
half of the metrics in its own process; knows nothing of the server but the stream contract.
Needs the `[client]` extra.
"""

from sse_observe.consumer.failure import StreamFailedError
from sse_observe.consumer.request import Request
from sse_observe.consumer.sequence import Gap
from sse_observe.consumer.stream import ResumedStream, resume_stream
from sse_observe.consumer.transport import Response, Transport, UnreachableError, aiohttp_transport
from sse_observe.wire import Event

__all__ = [
    "Event",
    "Gap",
    "Request",
    "Response",
    "ResumedStream",
    "StreamFailedError",
    "Transport",
    "UnreachableError",
    "aiohttp_transport",
    "resume_stream",
]
