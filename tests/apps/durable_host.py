"""A server of the Durable Streams protocol, over memory or over the Redis that is named."""

import os

from sse_observe.reference.durable_streams import DurableStreamsApp, durable_streams_app
from sse_observe.reference.redis import RedisStore

LONG_POLL_SECONDS = 2.0


def app() -> DurableStreamsApp:
    """Return the application; long polls are short, so that their tests are."""
    url = os.environ.get("SSE_OBSERVE_STORE")
    if not url:
        return durable_streams_app(long_poll_seconds=LONG_POLL_SECONDS)
    week = 7 * 86_400
    store = RedisStore.from_url(
        url,
        max_events=100_000,
        max_bytes=64 * 1024 * 1024,
        max_age_seconds=week,
        idle_seconds=week,
    )
    return durable_streams_app(store, long_poll_seconds=LONG_POLL_SECONDS)
