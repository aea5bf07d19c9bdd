"""
Plain replies around the streams: one line each, kept by no cache.

Knows HTTP; knows nothing of streams.
"""

from sse_observe.asgi import Header, Send, answer

LATER = (b"retry-after", b"5")
_UNCACHED = (b"cache-control", b"no-store")


class RefusedError(Exception):
    """A request that gets one plain line for an answer."""

    def __init__(self, status: int, line: str, *headers: Header) -> None:
        super().__init__(line)
        self.status = status
        self.headers = headers

    async def reply(self, send: Send) -> None:
        """Send the refusal."""
        await reply(send, self.status, f"{self}\n", *self.headers)


async def reply(
    send: Send, status: int, text: str = "", *headers: Header, kind: str = "text/plain"
) -> None:
    """Send a whole answer that no cache keeps."""
    content_type = (b"content-type", f"{kind}; charset=utf-8".encode())
    described = (content_type,) if text else ()
    body = text.encode(errors="replace")
    await answer(send, status, body, _UNCACHED, *headers, *described)
