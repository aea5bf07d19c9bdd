"""
A store in Redis (or Valkey): streams that outlive a process and a host.

Entered by `RedisStore.from_url()`; needs the `[redis]` extra. Knows the interface of a store;
what streams mean is known elsewhere.
"""

from sse_observe.errors import MissingExtraError

try:
    import redis.asyncio  # noqa: F401 - is it there?
except ImportError:
    raise MissingExtraError(
        "a store in Redis needs the extra [redis]: pip install 'sse-observe[redis]'"
    ) from None

from sse_observe.reference.redis.store import RedisStore

__all__ = ["RedisStore"]
