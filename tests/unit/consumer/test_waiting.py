"""Waits that may be given up: by their limit, or by close()."""

import asyncio
from typing import Any

import pytest

from sse_observe.consumer import Event
from sse_observe.consumer.waiting import LateError, Waiting
from tests.support.scripted_server import (
    EPOCH,
    HANG,
    Answer,
    Reading,
    Server,
    payload,
    words,
)
from tests.support.virtual import now, run


@pytest.mark.parametrize(
    "script",
    [
        (Answer(payload(0), HANG),),
        (Answer(payload(0)), Answer(after=HANG)),
        (Answer(payload(0)), ConnectionRefusedError("refused")),
    ],
    ids=["reading", "connecting", "waiting"],
)
def test_close_ends_whatever_it_is_doing(script: Any) -> None:
    """No reconnect comes later, no connection and no task stays."""

    async def main() -> None:
        server = Server(*script)
        reading = Reading(server, connect_seconds=HANG, stall_seconds=HANG)
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1.5)
        reading.stream.close()
        await task
        asked = len(server.asked)
        await asyncio.sleep(200)

        assert reading.got == words(0)
        assert len(server.asked) == asked
        assert server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_aclose_from_another_task_ends_the_reader() -> None:
    """The task that reads gets its end; the one that closes need not wait for it."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)), stall_seconds=HANG)
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1)
        await reading.stream.aclose()
        await task

        assert reading.got == words(0)
        assert reading.server.open == 0

    run(main())


def test_leaving_the_loop_closes_the_connection() -> None:
    """`async with` ends what a `break` leaves open, and counts once that it was cancelled."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), payload(1), HANG)))
        async with reading.stream as stream:
            async for item in stream:
                assert item == Event("message", "w0", f"0-{EPOCH}")
                break
            assert reading.server.open == 1
        await reading.stream.aclose()

        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1
        with pytest.raises(StopAsyncIteration):
            await anext(reading.stream)

    run(main())


def test_a_cancelled_task_takes_its_connection_with_it() -> None:
    """Cancellation passes through unchanged."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)))
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1

    run(main())


def test_a_wait_that_takes_too_long_is_late() -> None:
    """It is given up at its limit, and what comes in time is handed on."""

    async def main() -> None:
        waiting = Waiting()
        assert await waiting.within(5, asyncio.sleep(4, "in time")) == "in time"
        began = now()
        with pytest.raises(LateError):
            await waiting.within(5, asyncio.sleep(6))
        assert now() - began == 5
        assert not waiting.now

    run(main())


def test_what_times_out_by_itself_is_not_late() -> None:
    """A library's own limit is its own error, whatever ours is."""

    async def fail() -> None:
        raise TimeoutError("read")

    async def main() -> None:
        with pytest.raises(TimeoutError, match="read"):
            await Waiting().within(5, fail())

    run(main())
