"""A protocol as one route speaks it: recognised once, with the names that the route declares."""

import asyncio
from dataclasses import replace

import pytest

from sse_observe import SSEObserveMiddleware, StreamRoute
from sse_observe.middleware.reader import Reader
from sse_observe.protocols import NONE, PROTOCOLS
from sse_observe.protocols.model import CONTENT, FAILURE, NOTHING, TERMINAL
from tests.support.asgi import END, Exchange, body, http_scope, start, value
from tests.support.streaming import ends, streaming

CHUNK = b'{"id":"c","object":"chat.completion.chunk","choices":[]}'


def test_a_name_that_begins_a_protocol_is_never_learnt_as_anybodys_content() -> None:
    """It may come late in one stream, and be the first of the next."""
    assert not reader().may_be_short(b"message_start")
    assert reader().may_be_short(b"status")


def reader(protocol: str = "none", **options: object) -> Reader:
    route = StreamRoute(**options)  # type: ignore[arg-type]
    return Reader(NONE if protocol == "none" else PROTOCOLS[protocol], route, [])


def test_a_route_reads_with_its_own_declarations() -> None:
    """Each option of `StreamRoute` about events reaches the reader."""
    route = StreamRoute(
        terminal_events=("end",),
        terminal_data=("BYE",),
        error_events=("boom",),
        error_data=("oops",),
        prelude_events=("status",),
        events=("ping",),
    )
    ours = Reader(NONE, route, [])

    assert [ours.meaning(name, b"x") for name in (b"end", b"boom", b"status", b"ping")] == [
        *(TERMINAL, FAILURE, NOTHING, CONTENT),
    ]
    assert [ours.meaning(b"", data) for data in (b"BYE", b"oops")] == [TERMINAL, FAILURE]


def test_a_protocol_that_fails_costs_the_stream_nothing(metrics, observe, monkeypatch) -> None:
    """An error of ours in reading is counted as ours; the bytes and the end are the stream's."""

    def fail(name: bytes, data: bytes) -> int:
        raise RuntimeError("on purpose")

    broken = replace(PROTOCOLS["openai-chat"], read=fail)
    monkeypatch.setitem(PROTOCOLS, "openai-chat", broken)  # type: ignore[arg-type]
    sent = [b"data: " + CHUNK + b"\n\n", b"data: [DONE]\n\n"]

    async def run() -> list[bytes]:
        routes = {"/s": StreamRoute(protocol="openai-chat")}
        exchange = Exchange(observe(streaming(*sent), routes=routes), http_scope("/s"))
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


LEARNT = {
    "openai-chat": b'{"id":"c","choices":[{"index":0,"delta":{"content":"|Hi"},"x":null}]}',
    "gemini": b'{"candidates": [{"content": {"parts": [{"text": "|Hi"}],"role":"model"}}]}',
    "ai-sdk": b'{"type":"text-delta","id":"0","delta":"|Hi"}',
    "ag-ui": b'{"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"|Hi"}',
}


@pytest.mark.parametrize("protocol", LEARNT)
@pytest.mark.parametrize("space", [b"", b" "])
def test_the_short_path_cuts_where_the_piece_of_content_begins(protocol: str, space: bytes) -> None:
    """All before it is the same in each message of the stream."""
    ours = reader(protocol)
    same, _, rest = LEARNT[protocol].partition(b"|")
    learnt = ours.learn(b"data:" + space, same + rest, b"", 3)

    assert learnt is not None
    heads, _, cut, in_data, row = learnt
    assert (cut, heads) == (b"data:" + space + same, {b"": 3})
    assert (in_data, row) == (True, None)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        # No piece, or one that is no part of a choice's delta.
        (b'{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}', {}),
        (b'{"x":{"delta":{"content":"a"}},"choices":[{"text":"b"}]}', {}),
        # Two of them: the first may be another's.
        (b'{"x":{"delta":{"content":"a"}},"choices":[{"delta":{"content":"b"}}]}', {}),
        # Each stream keeps its own.
        (b'{"id":"' + b"x" * 600 + b'","choices":[{"delta":{"content":"a"}}]}', {}),
        # What the route declares may begin like this.
        (
            b'{"choices":[{"delta":{"content":"a"}}]}',
            {"error_data": ('{"choices":[{"delta":{"content":"FAILED',)},
        ),
    ],
)
def test_what_might_be_something_else_is_never_cut_short(data: bytes, options: dict) -> None:
    """The short path takes for content only what the full reading would."""
    ours = reader("openai-chat", **options)

    assert ours.learn(b"data: ", data, b"", 0) is None


def test_behind_an_id_the_cut_is_all_that_is_known() -> None:
    """Before it stands the id, of which the head says nothing; one head, one such path."""
    ours = reader()
    ours.learn(b"data: ", b"x", b"event: tick\n", 7)
    found = ours.short_of(b"event: tick\n", b"id: 1\nevent: tick\ndata: x\n\n")

    assert found[2:] == (b"\nevent: tick\ndata:", False, 7)
    assert ours.short_of(b"event: tick\n", b"id: 2\nevent: tick\ndata: y\n\n") is found
    assert ours.short_of(b"event: tick\n", b"event: tick\ndata: x\n\n") is ours.short
