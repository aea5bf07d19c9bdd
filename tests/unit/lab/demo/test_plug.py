"""A network with a plug: what is open breaks off, what comes waits, the rest is left alone."""

import asyncio
from typing import Any

import pytest

from sse_observe.lab.demo import plug as plug_module
from sse_observe.lab.demo.plug import Plug
from tests.support.asgi import Exchange, body, http_scope, start


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Stream until the client is gone, as an application does."""
    await receive()
    await send(start())
    gone = asyncio.ensure_future(receive())
    while not gone.done():
        await send(body(b"data: 1\n\n"))
        await asyncio.sleep(0.001)
    assert gone.result() == {"type": "http.disconnect"}
    await send(body(b"after", more=False))


def test_a_stream_breaks_off_and_its_server_learns_it() -> None:
    """The application is told that its client left; the client never sees an end."""

    async def run() -> list[Any]:
        plug = Plug(endless, "/api/")
        exchange = Exchange(plug, http_scope("/api/stream"))
        served = asyncio.create_task(exchange.run())
        await asyncio.sleep(0.02)
        plug.pull()
        return await asyncio.wait_for(served, 5)

    sent = asyncio.run(run())

    assert sent[0]["status"] == 200
    assert len(sent) > 1
    assert all(message.get("more_body", True) for message in sent)


def test_who_comes_while_it_is_pulled_waits_and_pages_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that connects again gets no answer until the network is back."""
    monkeypatch.setattr(plug_module, "SECONDS", 0.05)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send(scope["path"])

    async def run() -> list[Any]:
        plug, heard = Plug(answer, "/api/"), []

        async def send(message: Any) -> None:
            heard.append((message, plug.pulled))

        plug.pull()
        await asyncio.gather(
            *(plug(http_scope(path), None, send) for path in ("/api/stream", "/d/board"))  # type: ignore[arg-type]
        )
        return heard

    assert asyncio.run(run()) == [("/d/board", True), ("/api/stream", False)]
