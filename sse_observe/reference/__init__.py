"""
The reference stream endpoint: event ids, visible heartbeats, replay, announced gaps, one end.

`uvicorn --factory sse_observe.reference:reference_app` serves its demonstration.
"""

from sse_observe.reference.app import ReferenceApp, reference_app
from sse_observe.reference.store import (
    MemoryStore,
    Page,
    StoreFullError,
    Stream,
    StreamStore,
    Swept,
    Usage,
)

__all__ = [
    "MemoryStore",
    "Page",
    "ReferenceApp",
    "StoreFullError",
    "Stream",
    "StreamStore",
    "Swept",
    "Usage",
    "reference_app",
]
