"""Synthetic users: each reads one answer after another, on a phone that loses its network."""

import asyncio
import random
from contextlib import suppress
from typing import Self

from sse_observe.consumer import StreamFailedError, resume_stream
from sse_observe.metrics import NETWORKS
from sse_observe.registry import SSEMetrics

# Invented: roughly what mobile users look like.
_NETWORK_WEIGHTS = (1, 2, 12, 75, 10)
_CUT_SHARE = 0.2
_CANCEL_SHARE = 0.06


def mobile() -> float | None:
    """Return after how many seconds a phone's connection is cut; None for most."""
    if random.random() < _CUT_SHARE:  # noqa: S311 - no secret
        return random.uniform(0.5, 4)  # noqa: S311
    return None


class Users:
    """
    Reads from `url` as `count` users at once, each a task, while the block runs.

    Their clients count what they see in `metrics` under `route`.
    """

    def __init__(self, url: str, count: int, metrics: SSEMetrics, route: str) -> None:
        self._url = url
        self._count = count
        self._metrics = metrics
        self._route = route
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._live()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _live(self) -> None:
        (network,) = random.choices(NETWORKS, _NETWORK_WEIGHTS)  # noqa: S311
        while True:
            await asyncio.sleep(random.uniform(0, 2))  # noqa: S311
            patience = 1.5 if random.random() < _CANCEL_SHARE else None  # noqa: S311
            with suppress(StreamFailedError, TimeoutError):
                async with asyncio.timeout(patience):
                    await self._read(network)

    async def _read(self, network: str) -> None:
        stream = resume_stream(
            self._url,
            route=self._route,
            network_type=network,
            on_status=lambda _status, _attempt, _why: None,
            metrics=self._metrics,
        )
        async with stream:
            async for _ in stream:
                pass
