"""The demo's service: streams, their metrics, the browser's client and web pages."""

import asyncio
import random

import pytest

from sse_observe.lab.demo.service import ROUTE, Weather, service
from sse_observe.lab.web_pages import WebPages
from sse_observe.registry import SSEMetrics
from tests.support.asgi import Exchange, drive, http_scope, value


def test_each_path_is_answered_by_its_part(metrics: SSEMetrics) -> None:
    """Metrics, client and pages do not get in each other's way."""
    pages = WebPages()
    pages.add({"/": "home"})
    app = service(metrics, Weather(), pages)

    def body(path: str) -> bytes:
        return b"".join(message.get("body", b"") for message in drive(app, http_scope(path)))

    assert b"sse_concurrent_streams" in body("/metrics")
    assert b"ResilientEventSource" in body("/sse/sse-observe.js")
    assert body("/") == b"home"


def test_in_bad_weather_an_answer_breaks_off_and_is_counted_as_an_error(
    metrics: SSEMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident of the demo is a real one: the application fails, the client gets no end."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    app = service(metrics, Weather(failing=1.0), WebPages())
    exchange = Exchange(app, http_scope(ROUTE))

    async def read() -> None:
        async with asyncio.timeout(30):
            await exchange.run()

    asyncio.run(read())

    assert b"event: done" not in exchange.body
    assert value(metrics, "sse_streams_closed_total", reason="server_error") == 1
