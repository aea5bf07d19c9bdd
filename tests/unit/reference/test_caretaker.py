"""The caretaker: sweeps what nobody reads, and lets streams end with their server."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics, SSEObserveMiddleware
from sse_observe.reference import caretaker as caretaker_module
from tests.support.scripted_endpoint import (
    closed_by_reason,
    created,
    endpoint,
    words,
)
from tests.support.virtual import Visit, now, run


def test_streams_that_nobody_reads_are_swept_and_their_producers_stopped() -> None:
    """A reader keeps a stream alive for hours; without one it goes after the idle time."""

    async def main() -> None:
        script = words(100_000)
        app = endpoint(script)
        query = await created(app)
        reader = await Visit(app, query=query).until(lambda v: len(v.messages) > 4000)
        assert script.closed == 0
        await reader.left()
        await asyncio.sleep(700)

        assert script.closed == 1
        assert (await Visit(app, query=query).ended()).status == 404
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_leaving_server_lets_streams_go_on_for_the_drain_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Short answers finish, long ones end in order; the lifespan event would come too late."""

    async def main() -> None:
        metrics = SSEMetrics(CollectorRegistry())
        app = endpoint(words(100), drain_seconds=5)
        watched = SSEObserveMiddleware(app, metrics=metrics)
        visit = await Visit(watched).until(lambda v: len(v.payloads) == 3)
        asked = now()
        monkeypatch.setattr(caretaker_module, "exiting", lambda: True)
        await visit.ended()

        assert 5 <= now() - asked <= 7
        assert visit.complete
        assert closed_by_reason(metrics) == {"shutdown": 1}

    run(main())
