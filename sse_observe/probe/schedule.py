"""
The schedule: each target that has an interval is asked again and again, spread over the interval.

A probe that takes longer than its interval is followed by the next one in turn, never by two.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from sse_observe.probe.config import Watched
from sse_observe.probe.prober import Prober, Skipped

_log = logging.getLogger("sse_observe.probe")


class Schedule:
    """The tasks that ask; `apply()` makes them what the configuration says now."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._tasks: dict[str, tuple[Watched, asyncio.Task[None]]] = {}

    def apply(self) -> None:
        """Begin what is new, end what is gone, and leave everything else as it is."""
        wanted = {
            one.name: one
            for one in self._prober.loaded.targets.values()
            if one.target.interval is not None
        }
        for name, (watched, task) in list(self._tasks.items()):
            if wanted.get(name) != watched:
                task.cancel()
                del self._tasks[name]
        new = [one for name, one in wanted.items() if name not in self._tasks]
        for number, watched in enumerate(new):
            # All at once would be a burst at every interval.
            delay = (watched.target.interval or 0.0) * number / len(new)
            task = asyncio.create_task(_repeat(self._prober, watched, delay))
            self._tasks[watched.name] = (watched, task)

    async def stop(self) -> None:
        """End everything."""
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()


async def _repeat(
    prober: Prober,
    watched: Watched,
    delay: float,
    clock: Callable[[], float] | None = None,
) -> None:
    now = clock or asyncio.get_running_loop().time
    interval = watched.target.interval or 60.0
    due = now() + delay
    while True:
        await asyncio.sleep(max(0.0, due - now()))
        try:
            with contextlib.suppress(Skipped):
                await prober.probe(watched)
        except Exception:  # noqa: BLE001 - counted in the log, with its traceback
            # A fault of ours in one probe must not end the others.
            _log.exception("%s: the probe failed by a fault of ours", watched.name)
        due = max(due + interval, now())
