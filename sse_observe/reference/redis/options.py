"""
The options of `RedisStore`, and which of them can never work.

Knows names and numbers.
"""

from typing import TypedDict

from sse_observe.errors import SettingsError
from sse_observe.registry import SSEMetrics


class RedisOptions(TypedDict, total=False):
    """The options of `RedisStore` beside its URL."""

    prefix: str
    max_streams: int
    max_events: int
    max_bytes: int
    max_age_seconds: float
    idle_seconds: float
    lease_seconds: float
    timeout_seconds: float
    metrics: SSEMetrics


def check_options(prefix: str, **seconds: float) -> None:
    """Raise SettingsError for an option that cannot work."""
    for name, value in seconds.items():
        if not value > 0:
            raise SettingsError(f"RedisStore: {name}={value!r}; give more than 0")
    if any(sign in prefix for sign in "{}"):
        raise SettingsError(f"RedisStore: prefix={prefix!r} holds a brace; a cluster reads it")
