"""
The reference stream endpoint: event ids, visible heartbeats, replay, announced gaps, one end.

Entered by `reference_app()`; `uvicorn --factory sse_observe.reference:reference_app` serves its
demonstration. Keeps the stream contract, and knows neither frameworks nor metrics.
"""

from sse_observe.reference.app import ReferenceApp, reference_app
from sse_observe.reference.memory_store import MemoryStore
from sse_observe.reference.resumable import Interrupted, ResumableStreams
from sse_observe.reference.store import (
    Backlog,
    BehindError,
    CrowdedError,
    FencedError,
    GoneError,
    StoreDownError,
    StoreFullError,
    Stream,
    StreamExistsError,
    StreamStore,
    Swept,
    Usage,
    Write,
    Written,
)

__all__ = [
    "Backlog",
    "BehindError",
    "CrowdedError",
    "FencedError",
    "GoneError",
    "Interrupted",
    "MemoryStore",
    "ReferenceApp",
    "ResumableStreams",
    "StoreDownError",
    "StoreFullError",
    "Stream",
    "StreamExistsError",
    "StreamStore",
    "Swept",
    "Usage",
    "Write",
    "Written",
    "reference_app",
]
