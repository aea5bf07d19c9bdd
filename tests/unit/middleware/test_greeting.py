"""The greeting: one event, whatever sends it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse as FastAPIResponse
from fastapi.sse import ServerSentEvent as FastAPIEvent
from sse_starlette import EventSourceResponse, ServerSentEvent

from sse_observe import current_stream
from sse_observe.middleware.greeting import JsonObject, frame, greeting
from sse_observe.wire import Event, Scanner
from tests.support.asgi import Exchange, http_scope

fastapi_app = FastAPI()


@fastapi_app.get("/", response_class=FastAPIResponse)
async def native() -> AsyncIterator[FastAPIEvent]:
    yield FastAPIEvent(**current_stream().hello_event(stream="s1", lost=3))


async def sse_starlette_app(scope: Any, receive: Any, send: Any) -> None:
    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(**current_stream().hello_event(stream="s1", lost=3))

    await EventSourceResponse(events())(scope, receive, send)


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": current_stream().hello(stream="s1", lost=3)})


@pytest.mark.parametrize("app", [fastapi_app, sse_starlette_app, plain_app])
def test_a_client_reads_the_same_greeting_whatever_sends_it(app: Any) -> None:
    """FastAPI makes JSON of an event's data, sse-starlette takes its text, a frame is ready."""

    async def main() -> bytes:
        exchange = Exchange(app, {**http_scope("/"), "query_string": b""})
        await exchange.run()
        return b"".join(message.get("body", b"") for message in exchange.sent)

    scanner = Scanner()
    [event] = scanner.feed(asyncio.run(main()))
    fields = json.loads(event.data)

    assert (event.type, event.last_event_id) == ("sse.hello", "")
    assert (fields["stream"], fields["lost"]) == ("s1", 3)
    assert scanner.retry is not None
    assert 500 <= scanner.retry <= 1000


def test_the_text_of_its_data_is_one_line_of_json() -> None:
    """A line end inside a value stays inside its string."""
    assert str(JsonObject(a="x\ny", b=None)) == '{"a":"x\\ny","b":null}'


def test_it_is_stamped_with_the_time() -> None:
    """Clients measure delay from it."""
    [event] = Scanner().feed(frame(greeting({})))

    assert isinstance(event, Event)
    assert json.loads(event.data)["server_time"] > 1_700_000_000_000


def test_its_text_is_its_fields_whatever_was_done_to_them() -> None:
    """The text of the bounds is kept from one greeting to the next; a changed one has its own."""
    first, second, third = (greeting({"stream": "s"})["data"] for _ in range(3))
    second["more"] = 1
    third.clear()

    assert [json.loads(str(data)) for data in (first, second, third)] == [
        json.loads(json.dumps(data)) for data in (first, second, third)
    ]
