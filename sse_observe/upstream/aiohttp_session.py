"""
Sessions of aiohttp: observed by its own tracing, and where the body of an answer is read.

A read that is given up ends nothing there: the next one goes on.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Generic, TypeVar, cast

from sse_observe.errors import SettingsError
from sse_observe.upstream.asking import Asking, Unread, header_list
from sse_observe.upstream.observer import Reading, Upstream
from sse_observe.upstream.shapes import Content, Place, Session, Traced

T = TypeVar("T")
_KEPT_OF_A_BODY = 65_536


def knows(client: object) -> bool:
    """Tell whether this is such a session."""
    kinds = type(client).__mro__
    return any(
        kind.__name__ == "ClientSession" and kind.__module__.partition(".")[0] == "aiohttp"
        for kind in kinds
    )


def observe(found: object, upstream: Upstream) -> None:
    """Add ourselves to those who trace a session's requests."""
    session = cast(Session, found)
    for one in session.trace_configs:
        earlier = getattr(one, "observed_as", None)
        if earlier is not None:
            if earlier.name != upstream.name:
                raise SettingsError(
                    f"observe_client: this session is observed as {earlier.name!r} already; "
                    f"give {upstream.name!r} a session of its own"
                )
            return
    config = sys.modules["aiohttp"].TraceConfig()
    config.observed_as = upstream
    tracing = _Tracing(upstream)
    config.on_request_start.append(tracing.started)
    config.on_request_chunk_sent.append(tracing.sent)
    config.on_request_end.append(tracing.answered)
    config.on_request_exception.append(tracing.failed)
    config.freeze()
    session.trace_configs.append(config)


class _Tracing:
    """One session's requests, as its tracing shows them; nothing here raises."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def started(self, _: object, request: SimpleNamespace, __: object) -> None:
        """Remember when a request was sent."""
        request.asked_at, request.body = self._upstream.clock(), None

    async def sent(self, _: object, request: SimpleNamespace, params: Traced) -> None:
        """Remember the beginning of a body."""
        so_far = request.body or b""
        if len(so_far) < _KEPT_OF_A_BODY:
            request.body = so_far + bytes(params.chunk[:_KEPT_OF_A_BODY])

    async def answered(self, _: object, request: SimpleNamespace, params: Traced) -> None:
        """Take an answer, and read its body along if it is a stream."""
        response = params.response
        at, asking = request.asked_at, _asking(request, params)
        headers = list(response.raw_headers)
        consumed = self._upstream.answered(at, asking, response.status, headers)
        if consumed is not None:
            reading = Reading(self._upstream, consumed)
            response.content = ObservedContent(cast(Content, response.content), reading)

    async def failed(self, _: object, request: SimpleNamespace, params: Traced) -> None:
        """Take a request that got no answer, or one that its session takes for an error."""
        at, asking = request.asked_at, _asking(request, params)
        status = getattr(params.exception, "status", None)
        if isinstance(status, int) and status >= 400:
            self._upstream.answered(at, asking, status, [])
        else:
            self._upstream.unreachable(at, asking, params.exception)


_Head = tuple[str, Mapping[str, str]]
_Rest = tuple[Place, bytes | None]


def _asking(request: SimpleNamespace, params: Traced) -> Unread[_Head, _Rest]:
    """Return a request; it holds no answer, which may be dropped while it is read."""
    return Unread(_read, (params.method, params.headers), (params.url, request.body))


def _read(head: _Head, rest: _Rest | None) -> Asking:
    method, headers = head[0], header_list(head[1].items())
    if rest is None:
        return Asking(method, headers)
    url, body = rest
    return Asking(method, headers, url.query_string, body)


class ObservedContent:
    """The body of a streamed answer, read as aiohttp's own."""

    def __init__(self, inner: Content, reading: Reading) -> None:
        self._inner = inner
        self._reading = reading

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._inner, name)
        return found

    def set_exception(self, *error: object) -> None:
        """Take word that the answer was closed: what is left of it is not wanted."""
        self._reading.left()
        self._inner.set_exception(*error)

    async def _read(self, reading: Awaitable[bytes]) -> bytes:
        try:
            chunk = await reading
        except asyncio.IncompleteReadError as error:
            self._took(error.partial)
            self._took(b"")
            raise
        except Exception as error:
            if isinstance(error, TimeoutError):
                self._reading.broke(error, late=True)
            elif self._inner.exception() is not None:
                self._reading.broke(error, late=False)
            raise
        self._took(chunk)
        return chunk

    def _took(self, chunk: bytes) -> None:
        if chunk:
            self._reading.took(chunk)
        elif self._inner.at_eof():
            self._reading.whole()

    async def read(self, n: int = -1) -> bytes:
        """Read as much, or to the end."""
        found = await self._read(self._inner.read(n))
        if n < 0:
            self._took(b"")
        return found

    async def readany(self) -> bytes:
        """Read what is there."""
        return await self._read(self._inner.readany())

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read a chunk as it was sent."""
        ended = False

        async def chunk() -> bytes:
            nonlocal ended
            found, ended = await self._inner.readchunk()
            return found

        return await self._read(chunk()), ended

    async def readexactly(self, n: int) -> bytes:
        """Read just as much."""
        return await self._read(self._inner.readexactly(n))

    async def readline(self, **limits: object) -> bytes:
        """Read a line."""
        return await self._read(self._inner.readline(**limits))

    async def readuntil(self, separator: bytes = b"\n", **limits: object) -> bytes:
        """Read to a separator."""
        return await self._read(self._inner.readuntil(separator, **limits))

    def read_nowait(self, n: int = -1) -> bytes:
        """Read what is there, without waiting."""
        found = self._inner.read_nowait(n)
        self._took(found)
        return found

    def __aiter__(self) -> "_Each[bytes]":
        return _Each(self.readline, b"")

    def iter_any(self) -> "_Each[bytes]":
        """Iterate over what arrives."""
        return _Each(self.readany, b"")

    def iter_chunked(self, n: int) -> "_Each[bytes]":
        """Iterate over pieces of at most so many bytes."""
        return _Each(partial(self.read, n), b"")

    def iter_chunks(self) -> "_Each[tuple[bytes, bool]]":
        """Iterate over chunks as they were sent."""
        return _Each(self.readchunk, (b"", False))


class _Each(Generic[T]):
    """The answers of a function, again and again until the end."""

    def __init__(self, read: Callable[[], Awaitable[T]], end: T) -> None:
        self._read = read
        self._end = end

    def __aiter__(self) -> "_Each[T]":
        return self

    async def __anext__(self) -> T:
        found = await self._read()
        if found == self._end:
            raise StopAsyncIteration
        return found
