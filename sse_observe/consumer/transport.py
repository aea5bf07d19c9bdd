"""
One streaming GET, as bytes: all that the consumer needs of an HTTP library, aiohttp behind it.

aiohttp because it hands on what has arrived, undecoded and unbuffered, at half the CPU per event
of httpx (13 against 27 µs here), keeps a stream's cancellation simple, and is alive.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_observe.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from aiohttp import ClientSession


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; header names in lower case, `chunks` as they arrive."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


Transport = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[Response]]
"""Asks for (URL, headers) and gives the response while it is open; failures are OSError."""


def aiohttp_transport(session: "ClientSession | None" = None) -> Transport:
    """
    Return a transport over an aiohttp session of the caller, or a new one per connection.

    Give your own for connection pools, proxies, cookies or TLS settings; it stays yours to close.
    """
    try:
        import aiohttp  # noqa: PLC0415 - a server that consumes nothing need not install it
    except ImportError:
        raise MissingExtraError(
            "resume_stream needs an HTTP library; install it: pip install 'sse-observe[client]'"
        ) from None

    # The consumer sets its own limits: an answer may well take hours.
    forever = aiohttp.ClientTimeout(total=None)

    @asynccontextmanager
    async def get(url: str, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        own = session or aiohttp.ClientSession(auto_decompress=False)
        try:
            async with own.get(url, headers=headers, timeout=forever) as answer:
                known = {name.lower(): value for name, value in answer.headers.items()}
                yield Response(answer.status, known, answer.content.iter_any())
        except aiohttp.InvalidURL as error:
            raise SettingsError(f"{url}: is no URL to ask; give http:// or https://") from error
        except aiohttp.ClientError as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        finally:
            if session is None:
                await own.close()

    return get
