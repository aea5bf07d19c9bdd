"""Streams over real sockets, the kernel's words on them, and the metrics that they move."""

import asyncio
import struct

from tests.support.asgi import END, start
from tests.support.tcp_pair import Cycle

SENT = "sse_tcp_sent_segments_total"
AGAIN = "sse_tcp_retransmitted_segments_total"
RTTS = "sse_tcp_rtt_seconds_count"
UNSENT = "sse_tcp_unsent_bytes"
FAULTS = "sse_observer_faults_total"


async def until_left(scope, receive, send):
    await send(start())
    await scope["leave"].wait()
    await send(END)


class Life:
    """One stream over a line, from its response start until the block ends."""

    def __init__(self, observed, scope, transport=None):
        self._observed = observed
        self._scope = {**scope, "leave": asyncio.Event()}
        self._cycle = Cycle(transport)

    async def __aenter__(self):
        opened = asyncio.Event()

        async def send(message):
            opened.set()

        self._task = asyncio.create_task(self._observed(self._scope, self._cycle.receive, send))
        await opened.wait()
        return self

    async def __aexit__(self, *_):
        self._scope["leave"].set()
        await self._task


def info(*, state=1, received_ms=0, rtt=0, again=0, unsent=0, sent=0, size=280):
    """Pack a tcp_info by the kernel's whole layout, which ours is a part of."""
    words = [0] * 24
    words[11], words[15], words[23] = received_ms, rtt, again
    tail = [0, 0, unsent, 0, 0, sent]
    packed = struct.pack("=8B24I4Q6I", state, *[0] * 7, *words, *[0] * 4, *tail)
    return packed.ljust(280, b"\xff")[:size]
