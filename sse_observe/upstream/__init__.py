"""
The event streams that an application consumes, counted as they are read, by their source's name.

Owns what HTTP clients show of them; refuses to know URLs, and leaves every byte and error as it is.
Entry: `observe_client`.
"""

from sse_observe.upstream.client import observe_client

__all__ = ["observe_client"]
