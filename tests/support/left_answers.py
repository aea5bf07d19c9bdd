"""An answer whose client leaves as soon as it knows its name."""

import asyncio
import json

import aiohttp

from sse_observe.wire import Scanner


async def begun(session: aiohttp.ClientSession, url: str) -> str:
    """Begin an answer as somebody who closes the laptop at once; return its name."""
    while True:
        async with session.post(url, headers={"sse-resumable": "1"}) as answer:
            # Who is to come later has begun nothing.
            if answer.status != 503:
                return await _name(answer)
        await asyncio.sleep(0.1)


async def _name(answer: aiohttp.ClientResponse) -> str:
    answer.raise_for_status()
    scanner = Scanner()
    async for chunk in answer.content.iter_any():
        for event in scanner.feed(chunk):
            return str(json.loads(event.data)["stream"])
    raise AssertionError("no hello")
