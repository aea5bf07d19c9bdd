"""The demo's service: streams, their metrics, the browser's client and web pages."""

import asyncio
import json
import random

import pytest

from sse_observe.boards.web_pages import nothing_here
from sse_observe.lab.demo.service import ROUTE, Weather, service
from sse_observe.registry import SSEMetrics
from tests.support.asgi import Exchange, drive, http_scope, value


def test_each_path_is_answered_by_its_part(metrics: SSEMetrics) -> None:
    """Metrics, client and pages do not get in each other's way."""
    app = service(metrics, Weather(), nothing_here)

    def body(path: str) -> bytes:
        return b"".join(message.get("body", b"") for message in drive(app, http_scope(path)))

    assert b"sse_concurrent_streams" in body("/metrics")
    assert b"ResilientEventSource" in body("/sse/sse-observe.js")
    assert b"Not found" in body("/")


def answered(metrics: SSEMetrics, failing: float, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the body of one answer that does not wait."""
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    exchange = Exchange(service(metrics, Weather(failing), nothing_here), http_scope(ROUTE))

    async def read() -> None:
        async with asyncio.timeout(30):
            await exchange.run()

    asyncio.run(read())
    return exchange.body


def ends(metrics: SSEMetrics) -> dict[str, float]:
    reasons = ("completed", "error_event", "server_error")
    return {reason: value(metrics, "sse_streams_closed_total", reason=reason) for reason in reasons}


def test_an_answer_is_a_chat_completion_on_a_stream_that_resumes(
    metrics: SSEMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Role, words in `content`, the reason of the end; ids, and our own end around them."""
    body = answered(metrics, 0.0, monkeypatch).decode()
    data = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in data if "choices" in chunk]

    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas).startswith("An answer arrives")
    assert '"finish_reason": "stop"' in body
    assert body.count("\nid: ") == len(deltas)
    assert body.endswith("event: done\ndata: {}\n\n")
    assert ends(metrics) == {"completed": 1, "error_event": 0, "server_error": 0}


@pytest.mark.parametrize(("crashes", "reason"), [(0.0, "error_event"), (1.0, "server_error")])
def test_in_bad_weather_an_answer_fails_and_is_counted(
    crashes: float, reason: str, metrics: SSEMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident of the demo is a real one: most failures are told under status 200."""
    monkeypatch.setattr("sse_observe.lab.demo.service._CRASHES", crashes)

    body = answered(metrics, 1.0, monkeypatch)

    assert b'"finish_reason": "stop"' not in body
    assert (b"overloaded_error" in body) == (reason == "error_event")
    assert ends(metrics) == {"completed": 0, "error_event": 0, "server_error": 0, reason: 1}
