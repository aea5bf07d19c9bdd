"""The connection for news: what is subscribed is heard, over losses of the connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sse_observe.reference.redis.channel import Channel
from sse_observe.reference.redis.url import server_of
from sse_observe.reference.store import StoreDownError
from tests.support.redis_proxy import RedisProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@asynccontextmanager
async def channel_of(proxy: RedisProxy, seconds: float) -> AsyncIterator[Channel]:
    server = server_of(proxy.url, timeout_seconds=seconds)
    channel = Channel(server, timeout_seconds=seconds, on_return=lambda: None)
    try:
        yield channel
    finally:
        await channel.aclose()
        await server.close()


def test_a_subscription_outlives_the_loss_of_the_connection(redis_server: RedisServer) -> None:
    """Cut before it was confirmed, it is asked for again; nobody is refused for a blink."""

    async def main() -> list[bytes]:
        heard: list[bytes] = []
        async with RedisProxy(redis_server.port) as proxy, channel_of(proxy, 10) as channel:
            await channel.subscribe("one", heard.append)
            proxy.hold(requests=False)
            asking = asyncio.ensure_future(channel.subscribe("two", heard.append))
            await asyncio.sleep(0.1)
            assert not asking.done()
            proxy.cut()
            proxy.flow()
            await asking
            for name in ("one", "two"):
                redis_server.client.publish(name, name)
            await until(lambda: len(heard) == 2, "both are heard")
        return heard

    assert asyncio.run(main()) == [b"one", b"two"]


def test_a_listener_that_fails_takes_the_news_from_nobody(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises is told in the log, and everybody is told to look again."""

    async def main() -> list[bytes]:
        heard: list[bytes] = []

        def fail(_: bytes) -> None:
            raise KeyError("s")

        async with RedisProxy(redis_server.port) as proxy, channel_of(proxy, 10) as channel:
            returned = asyncio.Event()
            channel._on_return = returned.set
            await channel.subscribe("good", heard.append)
            await channel.subscribe("bad", fail)
            redis_server.client.publish("bad", "x")
            await asyncio.wait_for(returned.wait(), 30)
            redis_server.client.publish("good", "x")
            await until(lambda: heard, "it is heard")
        return heard

    assert asyncio.run(main()) == [b"x"]
    assert "news are interrupted" in caplog.text


def test_a_subscription_that_cannot_be_is_given_up_in_time(redis_server: RedisServer) -> None:
    """Where nobody gets in, the caller is told after the timeout, and nothing is left behind."""

    async def main() -> None:
        async with RedisProxy(redis_server.port) as proxy, channel_of(proxy, 0.3) as channel:
            proxy.refusing = True
            with pytest.raises(StoreDownError, match="no answer in time"):
                await channel.subscribe("one", lambda _: None)
            assert channel._listeners == {}

    asyncio.run(main())
