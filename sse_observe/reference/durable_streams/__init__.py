"""
The Durable Streams protocol over our stores: create, append, read on from an offset, fork, close.

Entered by `durable_streams_app()`. Speaks the draft protocol of durable-streams.com; keeps nothing
itself, and knows neither Redis nor memory.
"""

from sse_observe.reference.durable_streams.app import DurableStreamsApp, durable_streams_app

__all__ = ["DurableStreamsApp", "durable_streams_app"]
