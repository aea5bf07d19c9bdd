"""A protocol as one route speaks it: recognised once, with the names that the route declares."""

import asyncio
from dataclasses import replace

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.protocols import NONE, PROTOCOLS
from sse_observe.middleware.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL
from sse_observe.middleware.reader import Reader, may_be_known, recognise_event
from tests.support.asgi import END, Exchange, body, http_scope, start, value
from tests.support.streaming import ends, streaming

FIRST = {
    "openai-chat": (b"", b'{"id":"c","object":"chat.completion.chunk","choices":[]}'),
    "openai-responses": (b"response.created", b'{"type":"response.created"}'),
    "anthropic": (b"message_start", b'{"type":"message_start"}'),
    "ai-sdk": (b"", b'{"type":"start"}'),
    "ag-ui": (b"", b'{ "type" : "RUN_STARTED" }'),
    "gemini": (b"", b'{"candidates":[]}'),
    "mcp": (b"", b'{"jsonrpc":"2.0","id":1,"result":{}}'),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_protocol_is_recognised_by_its_first_event(name: str) -> None:
    """One look at the first event tells; a new protocol needs its line here."""
    event, data = FIRST[name]

    assert recognise_event(event, data).name == name
    assert event or may_be_known(data)


@pytest.mark.parametrize(
    "data", [b"hello", b'{"text":"x"}', b"[1]", b'{"type":"token"}', b'{"error":null}', b""]
)
def test_anything_else_is_none_of_them(data: bytes) -> None:
    """An application's own events are content, whatever they are called."""
    assert recognise_event(b"", data) is NONE
    assert recognise_event(b"tick", data) is NONE


def reader(protocol: str = "none", **options: object) -> Reader:
    route = StreamRoute(**options)  # type: ignore[arg-type]
    return Reader(NONE if protocol == "none" else PROTOCOLS[protocol], route, [])


def test_a_route_declares_names_of_its_own() -> None:
    """A route's own names go before its protocol, and beside it."""
    ours = reader(
        "openai-chat",
        terminal_data=("BYE",),
        error_data=('{"oops"',),
        prelude_events=("status",),
        error_events=("boom",),
    )

    assert ours.meaning(b"", b"BYE now") == TERMINAL
    assert ours.meaning(b"", b'{"oops":1}') == FAILURE
    assert ours.meaning(b"status", b"x") == NOTHING
    assert ours.meaning(b"boom", b"x") == FAILURE
    assert ours.meaning(b"", b"[DONE]") == TERMINAL
    assert ours.meaning(b"error", b'{"choices":[{"text":"x"}]}') == CONTENT


def test_an_event_called_error_is_a_failure_unless_the_route_says_otherwise() -> None:
    """Most applications mean it; who does not says so."""
    assert reader().meaning(b"error", b"x") == FAILURE
    assert reader(error_events=()).meaning(b"error", b"x") == CONTENT


def test_a_declared_terminal_replaces_the_usual_ones_but_no_protocols() -> None:
    """`[DONE]` of an OpenAI stream ends it whatever else the route declares."""
    assert reader(terminal_events=("end",)).meaning(b"", b"[DONE]") == CONTENT
    assert reader("openai-chat", terminal_events=("end",)).meaning(b"", b"[DONE]") == TERMINAL


def test_an_event_without_data_brings_nothing() -> None:
    """MCP primes a stream with an id and empty data: nobody was waiting for that."""
    assert reader().meaning(b"", b"") == NOTHING
    assert reader().meaning(b"done", b"") == TERMINAL


def test_a_protocol_that_fails_costs_the_stream_nothing(metrics, observe, monkeypatch) -> None:
    """An error of ours in reading is counted as ours; the bytes and the end are the stream's."""

    def fail(name: bytes, data: bytes) -> int:
        raise RuntimeError("on purpose")

    broken = replace(PROTOCOLS["openai-chat"], read=fail)
    monkeypatch.setitem(PROTOCOLS, "openai-chat", broken)  # type: ignore[arg-type]
    sent = [b"data: " + FIRST["openai-chat"][1] + b"\n\n", b"data: [DONE]\n\n"]

    async def run() -> list[bytes]:
        exchange = Exchange(observe(streaming(*sent)), http_scope())
        await exchange.run()
        return [message.get("body", b"") for message in exchange.sent]

    assert b"".join(asyncio.run(run())) == b"".join(sent)
    assert value(metrics, "sse_observer_faults_total", where="event_counter") == 1
    assert ends(metrics) == {"completed": 1}


def test_a_route_that_names_its_protocol_does_not_ask(metrics) -> None:
    """`none` switches recognition off: a failure of OpenAI's form is an event like any other."""

    async def app(scope, receive, send):
        await send(start())
        await send(body(b'data: {"error":{"message":"m"}}\n\n'))
        await send(END)

    for protocol, reason in (("none", "completed"), ("openai-chat", "error_event")):
        route = StreamRoute(protocol=protocol)
        observed = SSEObserveMiddleware(app, metrics=metrics, routes={f"/{protocol}": route})
        asyncio.run(Exchange(observed, http_scope(f"/{protocol}")).run())
        assert value(metrics, "sse_streams_closed_total", route=f"/{protocol}", reason=reason) == 1
