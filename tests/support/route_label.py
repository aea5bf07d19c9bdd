"""The label of the route under which one request was counted."""

import asyncio
from typing import Any
from urllib.parse import unquote

from sse_observe import SSEMetrics, SSEObserveMiddleware
from tests.support.asgi import Exchange, http_scope


def route_label(
    metrics: SSEMetrics, app: Any, path: str, root: str = "", method: str = "GET", **options: Any
) -> str:
    """Ask an application for one stream, under a middleware with these options."""
    scope = http_scope(
        unquote(root + path),
        method=method,
        root_path=root,
        raw_path=(root + path).encode(),
        headers={"host": "localhost"},
    )
    asyncio.run(_serve(SSEObserveMiddleware(app, metrics=metrics, **options), scope))
    return counted_route(metrics)


async def _serve(app: Any, scope: Any) -> None:
    exchange = Exchange(app, scope)

    def say_that_it_is_over(message: Any) -> None:
        # As servers do: Litestar waits for it.
        if message["type"] == "http.response.body" and not message.get("more_body"):
            exchange.gone.set()

    exchange.on_send = say_that_it_is_over
    await exchange.run()


def counted_route(metrics: SSEMetrics) -> str:
    """Return the one route that has had a stream."""
    [found] = {
        sample.labels["route"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "sse_streams_opened_total" and sample.value
    }
    return found
