"""
`metrics_app()`: the metrics as an ASGI application, in one process or many.

Speaks prometheus_client's own content negotiation and renders in pieces, so that a scrape never
stops the event loop for long. Holds no metric of its own.
"""

import asyncio
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric

from sse_observe.asgi import Receive, Scope, Send, answer, follow_lifespan, header, refuse_websocket
from sse_observe.middleware.tracker import StreamTracker
from sse_observe.registry import SSEMetrics, chosen_metrics
from sse_observe.registry.families import LazySamples
from sse_observe.registry.multiprocess import MULTIPROC_DIR, merged

# A line takes 10 to 25 µs: 100 stay below the 10 ms of a scrape on a slow machine too.
_SAMPLES_PER_PIECE = 100
_MOST_NAMES = 100
_Encoder = Callable[[Any], bytes]
"""prometheus_client's, of whatever has a `collect`."""
_EOF = b"# EOF\n"
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


def metrics_app(metrics: SSEMetrics | None = None) -> "MetricsApp":
    """
    Return the `/metrics` application; mount it, or run it alone.

    With PROMETHEUS_MULTIPROC_DIR set it answers for all processes that share the directory.
    """
    remedy = "write metrics_app(), with its parentheses, or metrics_app(SSEMetrics(registry))"
    return MetricsApp(chosen_metrics(metrics, "metrics_app", remedy))


class MetricsApp:
    """The `/metrics` application; answers one scrape at a time, the others wait their turn."""

    def __init__(self, metrics: SSEMetrics) -> None:
        self._metrics = metrics
        self._turn = asyncio.Lock()

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
        encoder, content_type = choose_encoder(accept)
        compressor = zlib.compressobj(wbits=31) if gzip_accepted(encoding) else None
        pack = compressor.compress if compressor else bytes
        try:
            async with self._turn:
                body = [pack(piece) async for piece in self._render(encoder, names)]
        except Exception:  # noqa: BLE001 - somebody's collector, or a worker's file
            self._tracker().observer_error("exposition")
            text = b"a collector failed; the log has its traceback\n"
            await answer(send, 500, text, _TEXT, head=head)
            return
        headers = [(b"content-type", content_type.encode())]
        if compressor:
            body.append(compressor.flush())
            headers.append((b"content-encoding", b"gzip"))
        await answer(send, 200, b"".join(body), *headers, head=head)

    def _tracker(self) -> StreamTracker:
        return StreamTracker.of(self._metrics)

    async def _render(self, encoder: _Encoder, names: list[str] | None) -> AsyncIterator[bytes]:
        """Yield the text in pieces; nothing is written down between two of them."""
        tracker = self._tracker()
        with tracker.lock:
            tracker.flush_unless_held()
            tracker.held += 1
        try:
            for family in await self._families(names):
                for piece in _pieces(encoder, family):
                    yield piece
                    await asyncio.sleep(0)
        finally:
            with tracker.lock:
                tracker.held -= 1
        if encoder(_Families(())) == _EOF:
            yield _EOF

    async def _families(self, names: list[str] | None) -> Iterable[Metric]:
        if MULTIPROC_DIR not in os.environ:
            # In a thread as well: prometheus_client's own collector lists every open descriptor,
            # which with 10,000 streams takes 10 ms. Our samples are made while they are rendered.
            return await asyncio.to_thread(_collect, self._metrics.registry, names)
        # Merging the files of all workers cannot be cut in pieces; a thread lets the loop in.
        families = await asyncio.to_thread(merged, Path(os.environ[MULTIPROC_DIR]))
        if not names:
            return families
        registry = CollectorRegistry(auto_describe=True)
        registry.register(_Families(families))
        return _collect(registry, names)


class _Families:
    """Some families, as prometheus_client wants to be handed them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._held = tuple(families)

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        return self._held


def _collect(registry: CollectorRegistry, names: list[str] | None) -> list[Metric]:
    return list((registry.restricted_registry(names) if names else registry).collect())


def _pieces(encoder: _Encoder, family: Metric) -> Iterable[bytes]:
    """Render one family, a large one of ours in parts that read as one."""
    if not isinstance(family.samples, LazySamples):
        # Somebody else's family may hold what the text format moves to its end.
        yield encoder(_Families([family])).removesuffix(_EOF)
        return
    samples = iter(family.samples)
    part = Metric(family.name, family.documentation, family.type, family.unit)
    part.samples = list(islice(samples, _SAMPLES_PER_PIECE))
    yield encoder(_Families([part])).removesuffix(_EOF)
    while some := list(islice(samples, _SAMPLES_PER_PIECE)):
        part.samples = some
        text = encoder(_Families([part])).removesuffix(_EOF)
        while text.startswith(b"# "):
            text = text.partition(b"\n")[2]
        yield text
