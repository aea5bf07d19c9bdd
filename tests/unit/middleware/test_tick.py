"""The tick runs by itself, and stops with the last stream."""

import asyncio
import time

import pytest

from sse_observe import SSEObserveMiddleware
from sse_observe.middleware.tick import Tick
from sse_observe.middleware.tracker import StreamTracker
from tests.support.asgi import Exchange, http_scope
from tests.support.streaming import EVENT, holding


def test_tick_runs_by_itself_and_ends_with_the_last_stream(metrics, monkeypatch):
    """The timer starts with the first stream and leaves nothing on the loop after the last."""
    monkeypatch.setattr("sse_observe.middleware.tick.TICK_SECONDS", 0.01)
    app = SSEObserveMiddleware(holding(EVENT), metrics=metrics)
    tracker = StreamTracker.of(metrics)
    written = []

    async def work():
        await asyncio.sleep(0.05)
        # Read without the flush that a scrape does: only the tick can have written this.
        written.append(metrics.counter("sse_sent_bytes_total", "other")._value.get())

    async def run():
        task = asyncio.create_task(Exchange(app, http_scope()).run())
        await asyncio.sleep(0.01)
        await work()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.05)
        return tracker._tick.is_running

    assert not asyncio.run(run())
    assert written == [len(EVENT)]


class Failing:
    """Work that fails in its slices, or when it is asked whether there is more."""

    def __init__(self, *, slices, more):
        self.slices, self.more = slices, more
        self.errors = []

    def rounds(self):
        yield
        if self.slices:
            raise RuntimeError("on purpose")

    def has_streams(self):
        if self.more:
            raise RuntimeError("on purpose")
        return len(self.errors) < 3

    def loop_lag(self, seconds):
        assert seconds >= 0

    def observer_error(self, where):
        self.errors.append(where)


@pytest.mark.parametrize(("slices", "more", "errors"), [(True, False, 3), (False, True, 1)])
def test_an_error_is_told_and_no_loop_is_stuck_with_it(monkeypatch, slices, more, errors):
    """The next second tries again; what cannot go on stops, and a new stream starts it anew."""
    monkeypatch.setattr("sse_observe.middleware.tick.TICK_SECONDS", 0.001)
    work = Failing(slices=slices, more=more)
    tick = Tick(work, time.monotonic)

    async def run():
        tick.start(time.monotonic())
        assert tick.is_running
        while tick.is_running:  # noqa: ASYNC110 - the tick has nobody to tell
            await asyncio.sleep(0.001)

    asyncio.run(run())

    assert work.errors == ["tick"] * errors
    assert tick.overdue_at < time.monotonic()


def test_without_an_event_loop_nothing_ticks():
    """Under trio nothing can be scheduled, and nothing breaks."""
    tick = Tick(Failing(slices=False, more=False), time.monotonic)
    tick.start(0.0)

    assert not tick.is_running
