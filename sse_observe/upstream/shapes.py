"""
The shapes of HTTP libraries that are touched here, as types: none of them is imported.

Names are the libraries' own.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, MutableMapping
from typing import Protocol

from sse_observe.asgi import Header


class RawHeaders(Protocol):
    """Headers of httpx."""

    raw: list[Header]


class Url(Protocol):
    """A URL of httpx."""

    query: bytes


class Request(Protocol):
    """A request of httpx."""

    method: str
    url: Url
    headers: RawHeaders

    @property
    def content(self) -> bytes:
        """The body; raises where that is made while it is sent."""


class Body(Protocol):
    """The body of an answer of httpx, for whichever of its clients."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def __iter__(self) -> Iterator[bytes]: ...

    async def aclose(self) -> None:
        """Close it."""

    def close(self) -> None:
        """Close it."""


class Response(Protocol):
    """An answer of httpx."""

    status_code: int
    headers: RawHeaders
    stream: Body


class Transport(Protocol):
    """A transport of httpx, for whichever of its clients."""

    async def handle_async_request(self, request: Request) -> Response:
        """Send a request."""

    def handle_request(self, request: Request) -> Response:
        """Send a request."""

    async def aclose(self) -> None:
        """Close every connection."""

    def close(self) -> None:
        """Close every connection."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *error: object) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(self, *error: object) -> None: ...


class Client(Protocol):
    """A client of httpx."""

    _transport: Transport
    _mounts: MutableMapping[object, Transport | None]


class Reader(Protocol):
    """The reader of a body of aiohttp."""

    async def read(self, n: int = -1) -> bytes:
        """Read as much, or to the end."""

    async def readany(self) -> bytes:
        """Read what is there."""

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read a chunk as it was sent."""

    async def readexactly(self, n: int) -> bytes:
        """Read just as much."""

    async def readline(self, **limits: object) -> bytes:
        """Read a line."""

    async def readuntil(self, separator: bytes = b"\n", **limits: object) -> bytes:
        """Read to a separator."""

    def read_nowait(self, n: int = -1) -> bytes:
        """Read what is there, without waiting."""

    def set_exception(self, *error: object) -> None:
        """Let each read fail from now on."""


class Content(Reader, Protocol):
    """The body of an answer of aiohttp."""

    def exception(self) -> BaseException | None:
        """Return why each read fails."""

    def at_eof(self) -> bool:
        """Tell whether all of it was read."""


class Answer(Protocol):
    """An answer of aiohttp."""

    status: int
    raw_headers: Iterable[Header]
    content: Reader


class Place(Protocol):
    """A URL of aiohttp."""

    query_string: str


class Traced(Protocol):
    """The words of aiohttp's tracing on a request."""

    method: str
    url: Place
    headers: Mapping[str, str]
    response: Answer
    exception: BaseException
    chunk: bytes


class Session(Protocol):
    """A session of aiohttp."""

    trace_configs: list[object]
