"""
A feed on another origin, as it stands on the web: ids are plain numbers, and it says no hello.

It goes on while nobody listens, ends its first connection early, and resumes by the header
`Last-Event-ID`, which web pages may send only if it `allows` that, or by its own parameter `after`.
"""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qsl

ANY_ORIGIN = (b"access-control-allow-origin", b"*")
ALLOWED = (ANY_ORIGIN, (b"access-control-allow-headers", b"last-event-id"))


class ForeignFeed:
    """Sends `total` events, one every `pause` seconds; `headers` are those of each GET."""

    def __init__(self, *, allows: bool, total: int = 20, pause: float = 0.15) -> None:
        self._allows = allows
        self._total = total
        self._pause = pause
        self._begun: float | None = None
        self.headers: list[dict[str, str]] = []
        self.preflights = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            self.preflights += 1
            status, headers = (200, ALLOWED) if self._allows else (405, ())
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        self._begun = self._begun or time.monotonic()
        kind = (b"content-type", b"text/event-stream")
        await send({"type": "http.response.start", "status": 200, "headers": (kind, ANY_ORIGIN)})
        query = dict(parse_qsl(scope["query_string"].decode()))
        cursor = self.headers[-1].get("last-event-id", query.get("after"))
        # Without a cursor it begins where it is now.
        at = self._made() if cursor is None else int(cursor) + 1
        stops = at + 5 if len(self.headers) == 1 else self._total
        while at < stops:
            while at < min(self._made() + 1, stops):
                body = b"id: %d\ndata: %d\n\n" % (at, at)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                at += 1
            await asyncio.sleep(self._pause / 3)
        done = b"event: done\ndata: x\n\n" if stops == self._total else b""
        await send({"type": "http.response.body", "body": done})

    def _made(self) -> int:
        """Return the number of the newest event."""
        assert self._begun is not None
        return min(self._total - 1, int((time.monotonic() - self._begun) / self._pause))
