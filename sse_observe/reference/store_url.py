"""
The store that a URL names: in one line of an environment, the store of a whole fleet.

Knows schemes; a store is loaded only where it is named.
"""

import os

from sse_observe.reference.memory_store import MemoryStore
from sse_observe.reference.store import StreamStore

VARIABLE = "SSE_OBSERVE_STORE"


def store_from_environment() -> StreamStore:
    """Return the store that `SSE_OBSERVE_STORE` names; one in memory where it is not set."""
    url = os.environ.get(VARIABLE, "")
    if not url:
        return MemoryStore()
    from sse_observe.reference.redis import RedisStore  # noqa: PLC0415 - needs the [redis] extra

    return RedisStore.from_url(url)
