"""
A small web site with a stream on it: what the browser tests serve, in a thread or a process.

Its web page opens streams with our client and writes down everything that a user would see.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, beacon_app, metrics_app
from sse_observe.beacon import Limits
from sse_observe.reference import MemoryStore, StreamStore, reference_app
from sse_observe.reference.app import Produce
from sse_observe.registry import default_metrics

SECRET = "the same in every process"
ROUTE = "/api/v1/stream"
# A stall is 2.5 of them: a machine that is busy for some seconds makes none.
HEARTBEAT_SECONDS = 10
HTML = b"""<!doctype html>
<title>stream</title>
<p id="status"></p>
<script type="module">
  import { ResilientEventSource } from "/sse/sse-observe.js";

  window.logs = [];
  window.stream = (url, options = {}) => {
    const log = {
      messages: [], ids: [], statuses: [], shown: 0, gaps: [], errors: 0, lostAt: [], openedAt: [],
      reasons: [],
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
    source.addEventListener("error", ({ reason }) => {
      log.errors++;
      if (reason) log.reasons.push(reason);
      log.lostAt.push(performance.now());
    });
    source.addEventListener("sse.gap", ({ lost }) => log.gaps.push(lost));
    source.addEventListener("sse.status", status);
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


class Counting:
    """Produces numbers until there are enough; `made` is how many, by stream."""

    def __init__(self, pause: float = 0.05) -> None:
        self._pause = pause
        self._enough = threading.Event()
        self.made: dict[str, int] = {}

    async def __call__(self, stream_id: str, params: Mapping[str, Any]) -> AsyncIterator[str]:
        self.made[stream_id] = 0
        while not self._enough.is_set():
            n = self.made[stream_id]
            self.made[stream_id] += 1
            yield str(n)
            await asyncio.sleep(self._pause)

    def enough(self) -> None:
        """Let all streams end; until then none does, however slow the machine is."""
        self._enough.set()

    @property
    def total(self) -> int:
        """The number of those that were made in all."""
        return sum(self.made.values())


def site(
    produce: Produce,
    metrics: SSEMetrics,
    *,
    store: StreamStore | None = None,
    more: Mapping[str, Any] | None = None,
    beacon: Mapping[str, Any] | None = None,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> Any:
    """
    Return the site; `more` are further applications by the beginning of their path.

    `beacon` are further options of its beacon.
    """
    store = store or MemoryStore(max_events=100_000)
    streams = reference_app(
        produce=produce, store=store, heartbeat_seconds=heartbeat_seconds, drain_seconds=0.5
    )
    # The tests report every half second.
    reports = beacon_app(metrics, secret=SECRET, limits=Limits(token=(50, 100)), **(beacon or {}))
    apps = {"/sse/": reports, "/metrics": metrics_app(metrics), "/api/": streams, **(more or {})}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "/api/")
        for start, inner in apps.items():
            if path.startswith(start):
                await inner(scope, receive, send)
                return
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(HTML)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": HTML})

    route = StreamRoute(
        heartbeat_seconds=heartbeat_seconds, dense_ids=True, terminal_events=("done",)
    )
    return SSEObserveMiddleware(app, routes={ROUTE: route}, metrics=metrics)


def served() -> Any:
    """Return the site as a process of its own serves it; what it produces is in the environment."""
    total = os.environ.get("SITE_EVENTS")
    produce = counting(int(total), 0.05) if total else Counting()
    beacon = {"report_seconds": float(os.environ.get("SITE_REPORT_SECONDS", "60"))}
    return site(produce, default_metrics(), beacon=beacon)
