"""Transports of `resume_stream`: each connection is one consumed stream."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sse_observe.upstream.asking import Asking, Unread, header_list
from sse_observe.upstream.observer import Reading, Upstream

if TYPE_CHECKING:
    from sse_observe.consumer import Request, Response, Transport


def observe_transport(transport: "Transport", upstream: Upstream) -> "Transport":
    """Return a transport that sends by another one, and tells an upstream what it sees."""

    @asynccontextmanager
    async def send(request: "Request") -> AsyncIterator["Response"]:
        at, asking = upstream.clock(), Unread(_read, (request.method, request.headers), request)
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(transport(request))
            except BaseException as error:
                upstream.unreachable(at, asking, error)
                raise
            headers = header_list(response.headers.items())
            consumed = upstream.answered(at, asking, response.status, headers)
            if consumed is None:
                yield response
                return
            reading = Reading(upstream, consumed)
            chunks = ObservedChunks(response.chunks, reading)
            try:
                yield replace(response, chunks=chunks)
            except Exception as error:
                if chunks.was_interrupted:
                    # Its reader has waited long enough.
                    reading.broke(error, late=True)
                raise
            finally:
                reading.left()

    return send


def _read(head: tuple[str, Mapping[str, str]], request: "Request | None") -> Asking:
    method, headers = head[0], header_list(head[1].items())
    if request is None:
        return Asking(method, headers)
    return Asking(method, headers, urlsplit(request.url).query, request.body)


class ObservedChunks:
    """The chunks of one answer."""

    def __init__(self, inner: AsyncIterator[bytes], reading: Reading) -> None:
        self._inner = inner
        self._reading = reading
        self.was_interrupted = False
        """Whether the last read was given up."""

    def __aiter__(self) -> "ObservedChunks":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._inner)
        except StopAsyncIteration:
            self._reading.whole()
            raise
        except Exception as error:
            self._reading.broke(error, late=isinstance(error, TimeoutError))
            raise
        except BaseException:
            self.was_interrupted = True
            raise
        self._reading.took(chunk)
        return chunk
