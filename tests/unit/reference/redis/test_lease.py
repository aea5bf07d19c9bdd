"""A store that has lost its memory does not deny what its writers are about to bring back."""

import asyncio
import secrets

import pytest

from sse_observe.reference import Stream, Write
from tests.support.redis_server import RedisServer
from tests.unit.reference.redis.test_store import store_of

pytestmark = pytest.mark.slow


def test_a_store_is_unsure_until_it_is_older_than_a_lease(redis_server: RedisServer) -> None:
    """Every host finds the same age, also one that began after the loss."""

    async def main() -> None:
        prefix = f"t{secrets.token_hex(4)}:"
        async with (
            store_of(redis_server.url, prefix=prefix) as one,
            store_of(redis_server.url, prefix=prefix) as other,
        ):
            assert await one.is_unsure()
            assert await other.is_unsure()
            client = redis_server.client
            assert 0 < client.pttl(f"{prefix}memory") <= 86_400_000
            client.set(f"{prefix}memory", int(client.time()[0] * 1000) - 16_000)
            assert not await one.is_unsure()
            assert not await other.is_unsure()
            client.delete(f"{prefix}memory")
            assert await one.is_unsure()

    asyncio.run(main())


def test_a_store_begins_to_remember_with_its_first_host(redis_server: RedisServer) -> None:
    """A question that comes later than a lease finds it old enough to deny."""

    async def main() -> None:
        for begins in ("start", "hold"):
            prefix = f"t{secrets.token_hex(4)}:"
            async with store_of(redis_server.url, prefix=prefix, lease_seconds=0.3) as store:
                if begins == "start":
                    await store.start()
                    await asyncio.sleep(0.4)
                else:
                    await store.create(Stream("s", "epoch0000000"), writer=store.new_writer())
                    async with store.hold("s", lambda: None):
                        await asyncio.sleep(0.6)
                assert not await store.is_unsure(), begins

    asyncio.run(main())


def test_a_host_that_saw_the_store_away_is_unsure_for_a_lease(redis_server: RedisServer) -> None:
    """A replica that took over is old, and may lack what its master had just taken."""

    async def main() -> None:
        async with store_of(redis_server.url, lease_seconds=0.3) as store:
            await store.start()
            await asyncio.sleep(0.4)
            assert not await store.is_unsure()
            store._look_at_everything()
            assert await store.is_unsure()
            await asyncio.sleep(0.4)
            assert not await store.is_unsure()
            await store.create(Stream("s", "epoch0000000"), writer="w")
            assert (await store.write("s", Write("w", -1, (b"x",)))).last == 0

    asyncio.run(main())
