"""
Clients of httpx, and of httpx2, which SDKs use: observed at their transports.

There all is seen: each attempt, each error, bytes as they arrive, and the end of whoever stops
reading. The library is the client's own, whichever it is.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from types import ModuleType
from typing import Self, cast

from sse_observe.errors import SettingsError
from sse_observe.upstream.asking import Asking, Unread
from sse_observe.upstream.observer import Reading, Upstream
from sse_observe.upstream.shapes import Body, Client, RawHeaders, Request, Response, Transport
from sse_observe.upstream.stream import ConsumedStream

_LIBRARIES = ("httpx", "httpx2")


def _library(client: object) -> ModuleType | None:
    """Return the library of a client, or None for what is no client of its."""
    for kind in type(client).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in _LIBRARIES and kind.__name__ in ("Client", "AsyncClient"):
            return sys.modules[name]
    return None


def knows(client: object) -> bool:
    """Tell whether this is such a client."""
    return _library(client) is not None


def observe(found: object, upstream: Upstream) -> None:
    """Put ourselves between a client and each of its transports."""
    library, client = _library(found), cast(Client, found)
    if library is None:
        return
    earlier = getattr(client._transport, "observed_as", None)  # noqa: SLF001
    if earlier is not None:
        if earlier.name != upstream.name:
            raise SettingsError(
                f"observe_client: this client is observed as {earlier.name!r} already; "
                f"give {upstream.name!r} a client of its own"
            )
        return
    observed = transport_of(library)
    client._transport = observed(client._transport, upstream)  # noqa: SLF001
    mounts = client._mounts  # noqa: SLF001
    for pattern, mounted in mounts.items():
        if mounted is not None:
            mounts[pattern] = observed(mounted, upstream)


def _asking(request: Request) -> Unread[tuple[str, RawHeaders], Request]:
    return Unread(_read, (request.method, request.headers), request)


def _read(head: tuple[str, RawHeaders], request: Request | None) -> Asking:
    method, headers = head
    if request is None:
        return Asking(method, headers.raw)
    body: bytes | None
    try:
        body = request.content
    except Exception:  # noqa: BLE001 - a body that is sent while it is made tells nothing
        body = None
    return Asking(method, headers.raw, request.url.query.decode("latin-1"), body)


class _Body(Reading):
    """The body of one stream: handed on as it comes."""

    late: type[Exception]

    def __init__(self, upstream: Upstream, consumed: ConsumedStream, inner: Body) -> None:
        Reading.__init__(self, upstream, consumed)
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        took, chunks = self.took, self._inner.__aiter__()
        try:
            async for chunk in chunks:
                took(chunk)
                yield chunk
        except BaseException as error:
            self.broke(error, late=isinstance(error, self.late))
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
            raise
        self.whole()

    def __iter__(self) -> Iterator[bytes]:
        took = self.took
        try:
            for chunk in self._inner:
                took(chunk)
                yield chunk
        except BaseException as error:
            self.broke(error, late=isinstance(error, self.late))
            raise
        self.whole()

    async def aclose(self) -> None:
        """Close it: the rest is not wanted."""
        self.left()
        await self._inner.aclose()

    def close(self) -> None:
        """Close it: the rest is not wanted."""
        self.left()
        self._inner.close()


class _Transport:
    """A transport, as its client knows it."""

    body: type[_Body]
    ours: tuple[type[Exception], ...]

    def __init__(self, inner: Transport, upstream: Upstream) -> None:
        self._inner = inner
        self.observed_as = upstream

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._inner, name)
        return found

    async def handle_async_request(self, request: Request) -> Response:
        """Send a request."""
        at = self.observed_as.clock()
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            self._failed(at, request, error)
            raise
        return self._answered(at, request, response)

    def handle_request(self, request: Request) -> Response:
        """Send a request."""
        at = self.observed_as.clock()
        try:
            response = self._inner.handle_request(request)
        except BaseException as error:
            self._failed(at, request, error)
            raise
        return self._answered(at, request, response)

    def _failed(self, at: float, request: Request, error: BaseException) -> None:
        asking, may_be_ours = _asking(request), isinstance(error, self.ours)
        self.observed_as.unreachable(at, asking, error, may_be_ours=may_be_ours)

    def _answered(self, at: float, request: Request, response: Response) -> Response:
        asking, headers = _asking(request), response.headers.raw
        consumed = self.observed_as.answered(at, asking, response.status_code, headers)
        if consumed is not None:
            response.stream = self.body(self.observed_as, consumed, response.stream)
        return response

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._inner.__aexit__(*error)

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


@cache
def transport_of(library: ModuleType) -> type[_Transport]:
    """Return the transport of this library that tells an upstream what it sees."""
    kinds = vars(library)
    bodies = (_Body, kinds["AsyncByteStream"], kinds["SyncByteStream"])
    body = type("ObservedBody", bodies, {"late": kinds["TimeoutException"]})
    # Limits of the client itself say nothing of who was asked.
    ours = tuple(kinds[n] for n in ("PoolTimeout", "UnsupportedProtocol", "LocalProtocolError"))
    transports = (_Transport, kinds["AsyncBaseTransport"], kinds["BaseTransport"])
    return type("ObservedTransport", transports, {"body": body, "ours": ours})
