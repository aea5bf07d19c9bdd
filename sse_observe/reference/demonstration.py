"""
The demonstration that the reference endpoint streams where it is given nothing else.

Knows words.
"""

import asyncio
from collections.abc import AsyncIterator

from sse_observe.reference.params import Params

_ANSWER = (
    "This answer arrives word by word over one HTTP response. Cut the connection in the middle: "
    "the next request names the last event that was seen, and the rest follows without a gap "
    "and without a repetition."
)
# About the pace at which a language model writes.
_PAUSE_SECONDS = 0.1


async def demonstration(stream_id: str, params: Params) -> AsyncIterator[str]:  # noqa: ARG001
    """Yield a short answer, word by word, in the smallest useful payload."""
    for word in _ANSWER.split():
        yield f'{{"c":"{word} "}}'
        await asyncio.sleep(_PAUSE_SECONDS)
