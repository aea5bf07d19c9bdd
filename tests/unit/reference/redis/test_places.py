"""Where there is no room in Redis, what nobody reads gives way, and stays away."""

import asyncio
import secrets
from contextlib import AsyncExitStack

import pytest

from sse_observe.reference import Stream
from sse_observe.reference.redis.places import holder_mark
from sse_observe.reference.store import GoneError, StoreFullError
from tests.support.redis_server import RedisServer
from tests.unit.reference.redis.test_store import store_of

pytestmark = pytest.mark.slow


def test_a_stream_that_gave_way_is_not_brought_back(redis_server: RedisServer) -> None:
    """Its writer is woken; what it restores would cost another stream its place."""

    async def main() -> None:
        prefix = f"t{secrets.token_hex(4)}:"
        async with store_of(redis_server.url, prefix=prefix, max_streams=3) as store:
            old = [Stream(f"s{n}", f"epoch{n}", holder="192.0.2.1") for n in range(3)]
            woken: list[str] = []
            async with AsyncExitStack() as stack:
                for stream in old:
                    await store.create(stream, writer=store.new_writer())
                    wake = lambda name=stream.id: woken.append(name)  # noqa: E731
                    await stack.enter_async_context(store.hold(stream.id, wake))
                await store.create(Stream("new", "epoch9", holder="192.0.2.2"), writer="w")
                async with asyncio.timeout(10):
                    while not woken:  # noqa: ASYNC110 - news travel by themselves
                        await asyncio.sleep(0.01)
                (gone,) = {stream.id for stream in old if not await store.find(stream.id)}
                assert set(woken) == {gone}
                again = next(stream for stream in old if stream.id == gone)
                with pytest.raises(GoneError):
                    await store.create(again, writer="w", again=True)
                assert redis_server.client.zcard(f"{prefix}{{index}}:all") == 3
                # Whose address it was is nobody's business.
                held = redis_server.client.hget(f"{prefix}{{new}}", "h").decode()
                assert held == holder_mark("192.0.2.2")
                assert "192" not in held

    asyncio.run(main())


def test_a_refusal_costs_redis_little(redis_server: RedisServer) -> None:
    """Where all that is held is read, a stranger who asks again and again is soon answered."""

    async def main() -> None:
        async with store_of(redis_server.url, max_streams=100) as store:
            streams = [Stream(f"s{n}", f"epoch{n}", holder="h") for n in range(100)]
            async with AsyncExitStack() as stack:
                for stream in streams:
                    await store.create(stream, writer="w")
                    await stack.enter_async_context(store.watch(stream.id, lambda: None))
                asked: list[str] = []
                call = store._calls.call

                async def counted(operation, *rest, **more):
                    asked.append(operation)
                    return await call(operation, *rest, **more)

                store._calls.call = counted  # type: ignore[method-assign]
                with pytest.raises(StoreFullError, match="all are in use"):
                    await store.create(Stream("more", "epoch", holder="h"), writer="w")
                store._calls.call = call  # type: ignore[method-assign]
                assert len(asked) <= 100

    asyncio.run(main())
