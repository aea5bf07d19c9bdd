"""The public Python clients against the reference endpoint: each event once, over two cuts."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from httpx_sse import connect_sse
from prometheus_client import CollectorRegistry
from requests_sse import EventSource as RequestsSource
from sseclient import SSEClient

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute
from sse_observe.reference import MemoryStore, reference_app
from tests.apps.site import Counting
from tests.support.asgi import value
from tests.support.proxy import UnreliableProxy
from tests.support.servers import serve

pytestmark = pytest.mark.slow

PATH = "/api/v1/stream"
EVENTS = 60
Saw = Callable[[str, str], None]
"""Takes the type and the data of an event, as a client hands them out."""


def over_and_over(read: Callable[[str], str | None]) -> None:
    """Read connection after connection from the last id on, as callers of plain parsers do."""
    cursor: str | None = ""
    while cursor is not None:
        cursor = read(cursor)


def httpx_sse(url: str, saw: Saw) -> None:
    """Read by httpx-sse, which parses and leaves the reconnecting to its caller."""

    def read(cursor: str) -> str | None:
        headers = {"Last-Event-ID": cursor} if cursor else {}
        try:
            with (
                httpx.Client(timeout=30) as client,
                connect_sse(client, "GET", url, headers=headers) as source,
            ):
                for event in source.iter_sse():
                    if event.event == "done":
                        return None
                    saw(event.event, event.data)
                    cursor = event.id or cursor
        except httpx.TransportError:
            pass
        return cursor

    over_and_over(read)


def sseclient_py(url: str, saw: Saw) -> None:
    """Read by sseclient-py over requests, likewise."""

    def read(cursor: str) -> str | None:
        headers = {"Last-Event-ID": cursor} if cursor else {}
        with requests.get(url, headers=headers, stream=True, timeout=30) as response:
            try:
                for event in SSEClient(response).events():
                    if event.event == "done":
                        return None
                    saw(event.event, event.data)
                    cursor = event.id or cursor
            except requests.RequestException:
                pass
        return cursor

    over_and_over(read)


def requests_sse(url: str, saw: Saw) -> None:
    """Read by requests-sse, which reconnects by itself."""
    with RequestsSource(url, timeout=30) as source:
        for event in source:
            if event.type == "done":
                return
            saw(event.type, event.data)


class Line:
    """Cuts the line after the twentieth and the fortieth event; ends the stream after sixty."""

    def __init__(self, proxy: UnreliableProxy, source: Counting) -> None:
        self.seen: list[str] = []
        self._proxy = proxy
        self._source = source

    def saw(self, kind: str, data: str) -> None:
        if kind != "message":
            return
        self.seen.append(data)
        if len(self.seen) in (20, 40):
            self._proxy.cut()
        # A client may have read far beyond a cut when it notices.
        if len(self.seen) >= EVENTS and self._proxy.connections == 3:
            self._source.enough()


def in_time(read: Callable[[], None]) -> None:
    """Run what cannot be cancelled in a thread, and fail if it does not end."""
    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(60)
    assert not reading.is_alive(), "the client never saw the end"


@pytest.mark.parametrize("client", [httpx_sse, sseclient_py, requests_sse])
def test_sixty_events_over_two_cuts_arrive_once_each(client: Callable[[str, Saw], Any]) -> None:
    """Ids, replay and the last word are enough for whoever follows the standard."""
    metrics = SSEMetrics(CollectorRegistry())
    source = Counting(0.02)
    # Some clients wait for seconds before they come back.
    endpoint = reference_app(produce=source, store=MemoryStore(max_events=10_000))
    app = SSEObserveMiddleware(
        endpoint,
        routes={PATH: StreamRoute(heartbeat_seconds=10, dense_ids=True)},
        metrics=metrics,
    )
    with serve(app) as url, UnreliableProxy(url) as proxy:
        line = Line(proxy, source)
        in_time(lambda: client(f"{proxy.url}{PATH}", line.saw))

    assert line.seen == [str(n) for n in range(source.total)]
    assert proxy.connections == 3
    assert value(metrics, "sse_streams_opened_total", start="fresh") == 1
    assert value(metrics, "sse_streams_opened_total", start="resumed") == 2
    assert value(metrics, "sse_resumes_total", outcome="full") == 2
    assert value(metrics, "sse_message_loss_total") == 0
    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1
