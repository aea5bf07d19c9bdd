"""Claims to report tokens: one for each stream that has none yet, for its own address alone."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from sse_observe import SSEMetrics, SSEObserveMiddleware, beacon_app, current_stream
from sse_observe.beacon.claims import Claims, MemoryBalances, SharedBalances
from tests.support.asgi import Exchange, http_scope
from tests.support.reporting import SECRET, asked, scope_of
from tests.support.virtual import run


@pytest.fixture(params=("memory", "file"))
def claims(request: pytest.FixtureRequest, tmp_path: Path) -> Claims:
    """Return claims that are kept by this process, or in a file for several."""
    shared = SharedBalances(tmp_path / "claims") if request.param == "file" else MemoryBalances()
    return Claims(shared)


def test_each_stream_is_worth_one_token(claims: Claims) -> None:
    """A route that nobody has asked for has none to give."""
    assert not claims.take("/s", "a")
    claims.ask("/s", "a")
    claims.ask("/s", "a")

    assert [claims.take("/s", "a") for _ in range(3)] == [True, True, False]
    assert not claims.take("/other", "a")


def test_what_one_address_has_opened_gives_no_other_a_word(claims: Claims) -> None:
    """Else a stranger would speak for the streams of users whose clients ask for no token."""
    claims.ask("/s", "a user")

    assert not claims.take("/s", "a stranger")
    assert claims.take("/s", "a user")


def test_a_stream_that_carries_its_token_leaves_none(claims: Claims) -> None:
    """Whether it greets its client before or after it is counted as open."""
    claims.give("/s", "a")
    claims.ask("/s", "a")
    claims.ask("/s", "a")
    claims.give("/s", "a")

    assert not claims.take("/s", "a")


def test_what_nobody_asks_for_does_not_add_up(claims: Claims) -> None:
    """Many streams of other clients are no tokens without number for strangers."""
    for _ in range(3000):
        claims.ask("/s", "a")

    assert sum(claims.take("/s", "a") for _ in range(2000)) == 1000
    claims.ask("/s", "a")
    assert [claims.take("/s", "a") for _ in range(2)] == [True, False]


def test_addresses_do_not_fill_the_memory() -> None:
    """Ten thousand are remembered; of a new one the oldest is forgotten."""
    balances = MemoryBalances(most=10)
    claims = Claims(balances)
    for n in range(100):
        claims.ask("/s", str(n))

    assert len(balances) == 10
    assert not claims.take("/s", "1")
    assert claims.take("/s", "99")


def test_workers_share_what_is_due(tmp_path: Path) -> None:
    """One has served the stream, the other is asked for its token."""
    one, other = (Claims(SharedBalances(tmp_path / "claims")) for _ in range(2))
    one.ask("/s", "a")

    assert other.take("/s", "a")
    assert not one.take("/s", "a")


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
