"""The Redis that hosts share in a drill: down or slow while the fault is on, and well again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from sse_observe.lab.drill.faults import fault_named
from sse_observe.lab.drill.shared_store import shared_store
from sse_observe.lab.drill.switch import Switch
from tests.support.programs import needs

pytestmark = pytest.mark.slow


def in_drill(name: str, home: Path, test: Callable[[Redis, Switch], Awaitable[None]]) -> None:
    """Run a test against the store of one fault."""
    needs("redis-server")

    async def main() -> None:
        switch = Switch()
        async with shared_store(fault_named(name), switch, home) as url:
            client = Redis.from_url(url)
            try:
                await test(client, switch)
            finally:
                await client.aclose()

    asyncio.run(main())


async def seconds(client: Redis) -> float:
    began = time.monotonic()
    await client.ping()
    return time.monotonic() - began


def test_a_slow_store_answers_late_and_then_as_before(tmp_path: Path) -> None:
    """Each answer is held up, none is lost."""

    async def test(client: Redis, switch: Switch) -> None:
        await client.ping()
        switch.turn(True)
        assert await seconds(client) >= 0.15
        switch.turn(False)
        await client.ping()
        assert await seconds(client) < 0.15

    in_drill("store-slow", tmp_path, test)


def test_a_store_that_is_down_refuses_and_comes_back_empty(tmp_path: Path) -> None:
    """Whoever asks meanwhile gets an error, and nothing is left of before."""

    async def test(client: Redis, switch: Switch) -> None:
        await client.set("a", 1)
        switch.turn(True)
        async with asyncio.timeout(20):
            await until(client, answers=False)
            switch.turn(False)
            await until(client, answers=True)
        assert await client.dbsize() == 0

    in_drill("store-down", tmp_path, test)


async def until(client: Redis, *, answers: bool) -> None:
    """Ask until there is an answer, or until there is none."""
    while True:
        try:
            found = bool(await client.ping())
        except RedisConnectionError:
            found = False
        if found == answers:
            return
        await asyncio.sleep(0.05)
