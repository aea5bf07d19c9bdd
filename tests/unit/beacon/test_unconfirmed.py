"""An unconfirmed stream in the hands of the application, which may end it."""

import asyncio
from typing import Any

import pytest

from sse_observe import SSEMetrics, SSEObserveMiddleware, StreamRoute, UnconfirmedStream
from sse_observe.beacon import beacon_app
from sse_observe.errors import SettingsError
from sse_observe.middleware.current_stream import CURRENT
from sse_observe.middleware.stream import Stream
from tests.support.asgi import END, Exchange, body, http_scope, start, value
from tests.support.virtual import run


class Feed:
    """A feed that sends a beat when it is told to, and keeps what that raised."""

    def __init__(self, metrics: SSEMetrics) -> None:
        routes = {"/feed": StreamRoute(kind="continuous")}
        self.metrics = metrics
        self.app = SSEObserveMiddleware(self.answer, routes=routes, metrics=metrics, log_ends=False)
        self.exchange = Exchange(self.app, http_scope("/feed"))
        self.next = asyncio.Event()
        self.errors: list[OSError] = []
        self.stream: Stream

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Send one beat, a second one when told, and end."""
        stream = CURRENT.get()
        assert stream is not None
        self.stream = stream
        await send(start())
        await send(body(b"data: 1\n\n"))
        await self.next.wait()
        for message in (body(b"data: 2\n\n"), END):
            try:
                await send(message)
            except OSError as error:
                self.errors.append(error)

    async def begin(self) -> "asyncio.Task[Any]":
        """Open it."""
        task = asyncio.create_task(self.exchange.run())
        await asyncio.sleep(0)
        return task


def test_a_stream_that_is_disconnected_has_lost_its_client(metrics: SSEMetrics) -> None:
    """Counted once, at once; each send from then on raises, and nothing more is sent."""

    async def main() -> Feed:
        feed = Feed(metrics)
        task = await feed.begin()
        unconfirmed = UnconfirmedStream(feed.stream)
        assert unconfirmed.route == "/feed"
        assert unconfirmed.scope["path"] == "/feed"
        unconfirmed.disconnect()
        unconfirmed.disconnect()
        assert value(metrics, "sse_concurrent_streams", route="/feed") == 0
        assert value(metrics, "sse_orphaned_streams", route="/feed") == 1
        feed.next.set()
        await task
        return feed

    feed = run(main())
    assert [type(error) for error in feed.errors] == [ConnectionResetError] * 2
    assert feed.exchange.body == b"data: 1\n\n"
    closed = {"route": "/feed", "reason": "client_disconnected"}
    assert value(metrics, "sse_streams_closed_total", **closed) == 1
    assert value(metrics, "sse_streams_closed_total", route="/feed") == 1
    assert value(metrics, "sse_orphaned_streams", route="/feed") == 0


def test_a_stream_that_has_ended_meanwhile_is_left_alone(metrics: SSEMetrics) -> None:
    """The application's function may be late."""

    async def main() -> None:
        feed = Feed(metrics)
        task = await feed.begin()
        feed.next.set()
        await task
        UnconfirmedStream(feed.stream).disconnect()

    run(main())
    assert value(metrics, "sse_streams_closed_total", route="/feed") == 1
    assert value(metrics, "sse_streams_closed_total", reason="completed") == 1


async def _waits(stream: UnconfirmedStream) -> None:
    """Be no plain function."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_unconfirmed": "disconnect"},
        {"on_unconfirmed": _waits},
        {"report_seconds": 0},
        {"report_seconds": True},
        {"report_seconds": "60"},
        {"report_seconds": float("inf")},
    ],
)
def test_what_can_never_be_right_is_refused(metrics: SSEMetrics, wrong: dict[str, Any]) -> None:
    """When the beacon is made, in one line that names it."""
    with pytest.raises(SettingsError, match=rf"beacon_app: {next(iter(wrong))}="):
        beacon_app(metrics, **wrong)
