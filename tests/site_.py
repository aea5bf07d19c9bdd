"""
A small web site with a stream on it: what the browser tests serve, in a thread or a process.

The page opens streams with our client and writes down everything that its user would see.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, beacon_app, metrics_app
from sse_observe.beacon import Limits
from sse_observe.reference import StreamStore, reference_app
from sse_observe.reference.producers import Produce
from sse_observe.registry import default_metrics

SECRET = "the same in every process"
ROUTE = "/api/v1/stream"
HEARTBEAT_SECONDS = 0.4
PAGE = b"""<!doctype html>
<title>stream</title>
<p id="status"></p>
<script type="module">
  import { ResilientEventSource } from "/sse/sse-observe.js";

  window.logs = [];
  window.stream = (url, options = {}) => {
    const log = {
      messages: [], ids: [], statuses: [], shown: 0, gaps: [], errors: 0, lostAt: [], openedAt: [],
    };
    const source = new ResilientEventSource(url, { reportEvery: 500, ...options });
    const status = () => {
      log.shown++;
      log.statuses.push(source.status + (source.status === "reconnecting" ? source.attempt : ""));
      log.text = document.getElementById("status").textContent;
    };
    source.bindStatus(document.getElementById("status"));
    source.onmessage = (event) => {
      log.messages.push(event.data);
      log.ids.push(event.lastEventId);
    };
    source.addEventListener("open", () => log.openedAt.push(performance.now()));
    source.addEventListener("error", () => {
      log.errors++;
      log.lostAt.push(performance.now());
    });
    source.addEventListener("gap", ({ lost }) => log.gaps.push(lost));
    source.addEventListener("status", status);
    status();
    window.log = log;
    window.source = source;
    window.logs.push(log);
    return log;
  };
  window.ready = true;
</script>
"""


def counting(total: int, pause: float) -> Produce:
    """Return a producer of numbers."""

    async def produce(stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        for n in range(total):
            yield str(n)
            await asyncio.sleep(pause)

    return produce


def site(
    produce: Produce,
    metrics: SSEMetrics,
    *,
    store: StreamStore | None = None,
    more: Mapping[str, Any] | None = None,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> Any:
    """Return the site; `more` are further applications by the beginning of their path."""
    streams = reference_app(produce=produce, store=store, heartbeat_seconds=heartbeat_seconds)
    # The tests report every half second.
    beacon = beacon_app(metrics, secret=SECRET, limits=Limits(token=(50, 100)))
    apps = {"/sse/": beacon, "/metrics": metrics_app(metrics), "/api/": streams, **(more or {})}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "/api/")
        for start, inner in apps.items():
            if path.startswith(start):
                await inner(scope, receive, send)
                return
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(PAGE)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    promise = StreamRoute(
        heartbeat_seconds=heartbeat_seconds, dense_ids=True, terminal_events=("done",)
    )
    return SSEObserveMiddleware(app, routes={ROUTE: promise}, metrics=metrics)


def served() -> Any:
    """Return the site as a process of its own serves it; what it produces is in the environment."""
    total = int(os.environ.get("SITE_EVENTS", "40"))
    return site(counting(total, 0.05), default_metrics())
