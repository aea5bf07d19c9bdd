"""How a deploy scales: the cost of one return, counted, and a hundred thousand of them."""

import asyncio
import secrets
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from sse_observe.reference import Stream
from sse_observe.reference.opening import Openings, asked_from
from sse_observe.reference.redis import RedisStore
from sse_observe.registry import SSEMetrics
from tests.support.deploy_model import CALLS_OF_A_LEAVE, CALLS_OF_A_RESUME, Deploy
from tests.support.redis_server import RedisServer


@pytest.mark.slow
def test_a_return_costs_the_store_what_the_model_says(tmp_path: Path) -> None:
    """Three calls to come back to a host that does not read the stream yet, one to leave."""

    async def main(url: str) -> None:
        metrics = SSEMetrics(CollectorRegistry())
        store = RedisStore.from_url(url, prefix=f"t{secrets.token_hex(3)}:", metrics=metrics)
        await store.create(Stream("s", "epoch0000000"), writer="w")
        asked: list[str] = []
        call = store._calls.call

        async def counted(operation, *rest, **more):
            asked.append(operation)
            return await call(operation, *rest, **more)

        store._calls.call = counted  # type: ignore[method-assign]
        openings = Openings(store)
        found = await openings.named("s")
        async with store.watch("s", lambda: None):
            await openings.open(asked_from(found, ""))
            assert len(asked) == CALLS_OF_A_RESUME, asked
        assert len(asked) == CALLS_OF_A_RESUME + CALLS_OF_A_LEAVE, asked
        await store.aclose()

    with RedisServer(tmp_path) as server:
        asyncio.run(main(server.url))


@pytest.mark.parametrize(
    ("hosts", "clients"),
    [
        pytest.param(10, 10_000, id="ten"),
        pytest.param(100, 100_000, id="hundred", marks=pytest.mark.prove),
    ],
)
def test_a_deploy_in_tenths_is_no_storm(hosts: int, clients: int) -> None:
    """Our own spread is enough for a tenth at a time; with `retry: 5000` the peak halves."""
    tenth = hosts // 10
    plain = Deploy(hosts, clients, tenth, 20).run()
    slower = Deploy(hosts, clients, tenth, 20, retry_seconds=5).run()
    all_at_once = Deploy(hosts, clients, hosts // 2, 20).run()

    for one in (plain, slower, all_at_once):
        print(one.line())
    # A tenth of the clients at first; hosts that are rolled later have taken in those of earlier.
    assert clients / 10 <= plain.peak <= 3.2 * clients / 10
    assert plain.longest_gap <= 1.5
    assert slower.peak <= 0.5 * plain.peak
    assert 5 <= slower.longest_gap <= 7.5
    assert all_at_once.peak <= clients
    # Nobody is sent where all are sent.
    assert plain.peak_of_a_host <= 1.5 * plain.peak / (hosts - tenth)
