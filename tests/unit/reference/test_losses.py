"""Losses: each event that is gone counts once."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.reference import MemoryStore
from sse_observe.reference.losses import Losses
from tests.support.scripted_endpoint import (
    created,
    endpoint,
    words,
)
from tests.support.virtual import Visit, now, run


def test_one_loss_is_counted_once_however_often_it_is_asked_for() -> None:
    """A flapping client or a second tab hears of the gap, and loses nothing anew."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(10, pause=0.01), store=MemoryStore(max_events=3, clock=now))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        first = await Visit(watched, query=query).until(lambda v: len(v.payloads) == 2)
        await first.left()
        await asyncio.sleep(1)
        cursor = {"Last-Event-ID": first.ids[1]}
        again = [await Visit(watched, headers=cursor).ended() for _ in range(3)]
        late = await Visit(watched, query=query).ended()
        earlier = await Visit(watched, headers={"Last-Event-ID": first.ids[0]}).ended()

        assert [visit.hello["lost"] for visit in again] == [5, 5, 5]
        assert late.hello["lost"] == 7
        assert earlier.hello["lost"] == 6
        loss = {"route": "other", "seen_by": "server"}
        assert metrics.registry.get_sample_value("sse_message_loss_total", loss) == 5

    run(main())


def test_a_first_reader_that_comes_late_loses_what_is_gone() -> None:
    """Between POST and GET the buffer ran over: that is loss, and visible as such."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(10, pause=0.01), store=MemoryStore(max_events=3, clock=now))
        watched = SSEObserveMiddleware(app, metrics=metrics)
        query = await created(app)
        await asyncio.sleep(1)
        visits = [await Visit(watched, query=query).ended() for _ in range(2)]

        assert [visit.hello["lost"] for visit in visits] == [7, 7]
        loss = {"route": "other", "seen_by": "server"}
        assert metrics.registry.get_sample_value("sse_message_loss_total", loss) == 7

    run(main())


def test_a_later_reader_of_a_stream_has_missed_and_not_lost() -> None:
    """The beginning was there for the reader before it."""
    losses = Losses()

    assert losses.fresh("epoch", None, 3) == 3
    assert losses.fresh("epoch", None, 5) == 0


def test_what_two_cursors_have_lost_in_common_counts_once() -> None:
    """Positions 3 to 5, then 2 to 6: of the second only what lies beyond the first is new."""
    losses = Losses()

    assert [losses.fresh("epoch", 2, 3), losses.fresh("epoch", 1, 5)] == [3, 1]
    assert losses.fresh("other", 2, 3) == 3


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream that was asked for longest ago is forgotten."""
    monkeypatch.setattr("sse_observe.reference.losses._MOST_STREAMS", 2)
    losses = Losses()

    assert [losses.fresh(epoch, 2, 3) for epoch in ("a", "b", "a", "c")] == [3, 3, 0, 3]
    assert losses.fresh("a", 2, 3) == 0
    assert losses.fresh("b", 2, 3) == 3
