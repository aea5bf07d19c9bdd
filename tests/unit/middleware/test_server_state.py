"""A server's own state, beside ASGI."""

import asyncio

from sse_observe.middleware.server_state import peek


def test_peek_reads_what_hypercorn_queues_and_knows_when_it_cannot_tell():
    """A disconnect that waits in the queue is seen and stays there."""

    async def run():
        queue = asyncio.Queue()
        before = peek(queue.get)
        queue.put_nowait({"type": "http.disconnect"})
        return before, peek(queue.get), queue.qsize(), peek(len), peek(None)

    assert asyncio.run(run()) == (False, True, 1, None, None)
