"""
`metrics_app()`: the metrics as an ASGI application, in one process or many.

Speaks prometheus_client's own content negotiation and renders in pieces, so that a scrape never
stops the event loop for long. Holds no metric of its own.
"""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import gzip_accepted
from prometheus_client.metrics_core import Metric

from sse_observe.asgi import Receive, Scope, Send, answer, follow_lifespan, header, refuse_websocket
from sse_observe.exposition.rendering import Families, Format, format_of
from sse_observe.middleware.end_log import LOGGER
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.registry.multiprocess import SharedNumbers

_MOST_NAMES = 100
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


def metrics_app(metrics: SSEMetrics | None = None) -> "MetricsApp":
    """
    Return the `/metrics` application; mount it, or run it alone.

    With PROMETHEUS_MULTIPROC_DIR set it answers for all processes that share the directory.
    `metrics` are those of the middleware; by default everything in the default registry.
    Raises SettingsError where they are something else.
    """
    remedy = "write metrics_app(), with its parentheses, or metrics_app(SSEMetrics(registry))"
    return MetricsApp(chosen_metrics(metrics, "metrics_app", remedy))


class MetricsApp:
    """The `/metrics` application; answers one scrape at a time, the others wait their turn."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self._turn = asyncio.Lock()
        directory = metrics.directory
        self._shared = None if directory is None else SharedNumbers(directory, self._failed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one scrape."""
        if scope["type"] == "lifespan":
            await follow_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await refuse_websocket(send)
        elif scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, b"use GET\n", _TEXT, (b"allow", b"GET, HEAD"))
        else:
            await self._scrape(scope, send)

    async def _scrape(self, scope: Scope, send: Send) -> None:
        head = scope["method"] == "HEAD"
        accept = (header(scope["headers"], b"accept") or b"").decode("latin-1")
        encoding = (header(scope["headers"], b"accept-encoding") or b"").decode("latin-1")
        query = scope.get("query_string", b"").decode("latin-1")
        try:
            names = parse_qs(query, max_num_fields=_MOST_NAMES).get("name[]")
        except ValueError:
            await answer(send, 400, b"too many parameters\n", _TEXT, head=head)
            return
        form = format_of(accept)
        compressor = zlib.compressobj(wbits=31) if gzip_accepted(encoding) else None
        pack = compressor.compress if compressor else bytes
        try:
            async with self._turn:
                body = [pack(piece) async for piece in self._render(form, names)]
        except Exception:  # noqa: BLE001 - somebody's collector, or a worker's file
            self._failed()
            text = b"a collector failed; the log has its traceback\n"
            await answer(send, 500, text, _TEXT, head=head)
            return
        headers = [(b"content-type", form.content_type.encode())]
        if compressor:
            body.append(compressor.flush())
            headers.append((b"content-encoding", b"gzip"))
        await answer(send, 200, b"".join(body), *headers, head=head)

    def _failed(self) -> None:
        tracker = self._metrics.find(StreamTracker)
        if tracker is None and self._shared is not None:
            LOGGER.error("sse-observe failed in exposition", exc_info=sys.exception())
        else:
            StreamTracker.of(self._metrics).observer_error("exposition")

    async def _render(self, form: Format, names: list[str] | None) -> AsyncIterator[bytes]:
        """Yield the text in pieces; nothing is written down between two of them."""
        # Whoever only shows what other processes count has none, and makes none.
        with _held(self._metrics.find(StreamTracker)):
            for family in await self._families(names):
                async for piece in form.pieces(family):
                    yield piece
                    await asyncio.sleep(0)
        yield form.end

    async def _families(self, names: list[str] | None) -> Iterable[Metric]:
        if self._shared is None:
            # In a thread as well: prometheus_client's own collector lists every open descriptor,
            # which with 10,000 streams takes 10 ms. Our samples are made while they are rendered.
            return await asyncio.to_thread(_collect, self._metrics.registry, names)
        # Merging the files of all workers cannot be cut in pieces; a thread lets the loop in.
        families = await asyncio.to_thread(self._shared.families)
        if not names:
            return families
        registry = CollectorRegistry(auto_describe=True)
        registry.register(Families(families))
        return _collect(registry, names)


@contextmanager
def _held(tracker: StreamTracker | None) -> Iterator[None]:
    """Write down what is counted so far, and nothing more while a scrape reads it."""
    if tracker is None:
        yield
        return
    with tracker.lock:
        tracker.flush_unless_held()
        tracker.held += 1
    try:
        yield
    finally:
        with tracker.lock:
            tracker.held -= 1


def _collect(registry: CollectorRegistry, names: list[str] | None) -> list[Metric]:
    return list((registry.restricted_registry(names) if names else registry).collect())
