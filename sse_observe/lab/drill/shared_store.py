"""A Redis that the hosts of one fault share, and what breaks it while the fault is on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sse_observe.lab.drill.fault import Fault
from sse_observe.lab.drill.switch import Switch
from sse_observe.lab.programs.cutting_proxy import CuttingProxy, dial_port
from sse_observe.lab.programs.redis import Redis

# Over the alert's 100 ms, and far below the time after which a call is given up.
_SLOW_SECONDS = 0.15


@asynccontextmanager
async def shared_store(fault: Fault, switch: Switch, home: Path) -> AsyncIterator[str]:
    """Run a Redis while the block runs; give the URL by which services reach it."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(Redis(home))
        turns = asyncio.Lock()
        tasks: set[asyncio.Task[None]] = set()
        stack.push_async_callback(_gathered, tasks)

        def turned(on: bool) -> None:
            task = asyncio.get_running_loop().create_task(_turned(redis, turns, on=on))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        if fault.store == "down":
            switch.listeners.append(turned)
        delay = (lambda: _SLOW_SECONDS if switch.on else 0.0) if fault.store == "slow" else None
        proxy = await stack.enter_async_context(CuttingProxy(dial_port(redis.port), delay=delay))
        yield proxy.url.replace("http:", "redis:")


async def _turned(redis: Redis, turns: asyncio.Lock, *, on: bool) -> None:
    async with turns:
        await asyncio.to_thread(redis.stop if on else redis.start)


async def _gathered(tasks: set[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tuple(tasks))
