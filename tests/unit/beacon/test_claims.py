"""Claims to report tokens: one for each stream that has none yet."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from sse_observe import SSEMetrics, SSEObserveMiddleware, beacon_app, current_stream
from sse_observe.beacon.claims import Claims
from sse_observe.middleware.routes import Resolved, StreamRoute
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import Exchange, http_scope
from tests.support.reporting import SECRET, asked, scope_of
from tests.support.virtual import run


@pytest.fixture
def claims(metrics: SSEMetrics) -> Claims:
    return Claims(StreamTracker.of(metrics))


def open_streams(metrics: SSEMetrics, n: int) -> None:
    StreamTracker.of(metrics).counts_of(Resolved("/s", StreamRoute())).requests += n


def test_each_stream_is_worth_one_token(metrics: SSEMetrics, claims: Claims) -> None:
    """A route that nobody has asked for has none to give."""
    assert not claims.take("/s")
    open_streams(metrics, 2)

    assert [claims.take("/s") for _ in range(3)] == [True, True, False]
    assert not claims.take("/other")


def test_a_stream_that_carries_its_token_leaves_none(metrics: SSEMetrics, claims: Claims) -> None:
    """Whether it greets its client before or after it is counted as open."""
    claims.give("/s")
    open_streams(metrics, 1)
    open_streams(metrics, 1)
    claims.give("/s")

    assert not claims.take("/s")


def test_what_nobody_asks_for_does_not_add_up(metrics: SSEMetrics, claims: Claims) -> None:
    """A million streams of other clients are no million tokens for strangers."""
    open_streams(metrics, 1_000_000)

    assert sum(claims.take("/s") for _ in range(2000)) == 1000
    open_streams(metrics, 1)
    assert [claims.take("/s") for _ in range(2)] == [True, False]


def test_the_middleware_counts_what_is_due(metrics: SSEMetrics) -> None:
    """A stream without hello and a refusal are worth a token; one with hello has its own."""

    async def plain(request: object) -> StreamingResponse:
        return StreamingResponse(iter(["data: x\n\n"]), media_type="text/event-stream")

    async def greeting(request: object) -> StreamingResponse:
        first = current_stream().hello()
        return StreamingResponse(iter([first, b"data: x\n\n"]), media_type="text/event-stream")

    async def refusing(request: object) -> PlainTextResponse:
        return PlainTextResponse("no", status_code=503)

    routes = [Route("/plain", plain), Route("/hello", greeting), Route("/no", refusing)]
    app = SSEObserveMiddleware(Starlette(routes=routes), metrics=metrics)
    beacon = beacon_app(metrics, secret=SECRET)

    async def due(path: str) -> int:
        answer = await asked(beacon, scope_of("/token", "GET", query=f"path={path}"))
        return answer.status

    async def main() -> list[int]:
        found = []
        for path in ("/plain", "/hello", "/no"):
            scope = http_scope(path, headers={"accept": "text/event-stream"})
            await Exchange(app, scope).run()
            found += [await due(path), await due(path)]
        return found

    assert run(main()) == [200, 403, 403, 403, 200, 403]
