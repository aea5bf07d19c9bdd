"""Waiting for what happens in another thread or process."""

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0


def wait_until(
    claim: Callable[[], object],
    what: str = "a claim",
    seconds: float = PATIENCE_SECONDS,
    *,
    step_seconds: float = 0.05,
) -> None:
    """Wait until a claim holds; fail with its name where it does not in time."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(step_seconds)


async def until(
    claim: Callable[[], object], what: str = "a claim", *, step_seconds: float = 0.05
) -> None:
    """Wait as `wait_until` does, and let the loop go on."""
    await asyncio.to_thread(wait_until, claim, what, step_seconds=step_seconds)
