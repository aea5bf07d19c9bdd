"""The stream in the caller's hands: it is left when it is let go, and not before."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sse_observe import SSEMetrics
from sse_observe.consumer import Event, StreamFailedError, resume_stream
from sse_observe.errors import SettingsError
from tests.support.scripted_server import (
    DONE,
    EPOCH,
    HANG,
    URL,
    Answer,
    Reading,
    Server,
    payload,
    words,
)
from tests.support.virtual import now, run


def test_a_wait_that_is_given_up_ends_nothing() -> None:
    """`wait_for(anext(stream), 1)` is how one does something else meanwhile."""

    async def main() -> None:
        steps = [step for n in range(5) for step in (0.7, payload(n))]
        reading = Reading(Server(Answer(*steps, 0.7, DONE)))
        got: list[str] = []
        while True:
            try:
                item = await asyncio.wait_for(anext(reading.stream), 0.5)
            except TimeoutError:
                got.append("…")
            except StopAsyncIteration:
                break
            else:
                reading.items.append(item)

        assert reading.got == words(0, 1, 2, 3, 4)
        assert len(got) > 3
        assert len(reading.server.asked) == 1
        assert reading.count("sse_client_streams_total", outcome="completed") == 1

    run(main())


def test_an_error_while_nobody_waits_is_raised_at_the_next_wait() -> None:
    """It is not lost, and not raised twice."""

    async def main() -> None:
        reading = Reading(Server(Answer(1.0, status=200, headers={"content-type": "text/html"})))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(Reading(Server(Answer(HANG))).stream), 1)
        with pytest.raises(StreamFailedError):
            await anext(reading.stream)
        with pytest.raises(StopAsyncIteration):
            await anext(reading.stream)

    run(main())


def test_the_cursor_is_that_of_what_was_given_out() -> None:
    """Events that arrived together are given out one by one, and so does the cursor move."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0) + payload(1) + DONE)), last_event_id="x")
        stream = reading.stream
        assert stream.cursor == "x"
        cursors = [stream.cursor async for _ in stream]

        assert cursors[:2] == [f"0-{EPOCH}", f"1-{EPOCH}"]

    run(main())


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


def test_what_is_closed_gives_out_nothing_more() -> None:
    """Not even what had arrived."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0) + payload(1) + DONE)))
        async for item in reading.stream:
            reading.items.append(item)
            reading.stream.close()

        assert reading.got == words(0)

    run(main())


def test_aclose_from_another_task_ends_the_reader() -> None:
    """The task that reads gets its end."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)), stall_seconds=HANG)
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(1)
        await reading.stream.aclose()
        await task

        assert reading.got == words(0)
        assert reading.server.open == 0

    run(main())


def test_leaving_the_block_closes_the_connection() -> None:
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
    """Cancellation passes through unchanged, and the block closes what it opened."""

    async def main() -> None:
        reading = Reading(Server(Answer(payload(0), HANG)))

        async def read() -> None:
            async with reading.stream as stream:
                async for item in stream:
                    reading.items.append(item)

        task = asyncio.create_task(read())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert reading.server.open == 0
        assert reading.count("sse_client_streams_total", outcome="cancelled") == 1

    run(main())


def test_a_stream_that_nobody_holds_is_closed() -> None:
    """A `break` without `async with` leaves no connection behind."""

    async def main() -> None:
        server = Server(Answer(payload(0), payload(1), HANG))
        reading = Reading(server, on_status=None)
        async for _ in reading.stream:
            break
        assert server.open == 1
        del reading
        await asyncio.sleep(1)

        assert server.open == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_an_error_of_the_callers_own_reaches_the_caller() -> None:
    """A broken `on_status` is no failure of the stream."""

    def fail(status: str, attempt: int, why: str) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await Reading(Server(Answer(payload(0), DONE)), on_status=fail).all()

    run(main())


def test_a_stream_that_was_never_read_costs_nothing() -> None:
    """Made and thrown away, outside of any loop."""
    server = Server(Answer(DONE))
    stream = resume_stream(URL, metrics=SSEMetrics(CollectorRegistry()), transport=server)
    stream.close()
    del stream

    assert server.asked == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"stall_seconds": 0}, "stall_seconds=0"),
        ({"stall_seconds": "5"}, "stall_seconds='5'"),
        ({"connect_seconds": -1}, "connect_seconds"),
        ({"first_event_timeout": True}, "first_event_timeout"),
        ({"network_type": "wifi"}, "network_type"),
        ({"protocol": "openai"}, "choose of auto, none, mcp"),
        ({"terminal_events": "done"}, "terminal_events='done' is wrong; give a tuple"),
        ({"error_events": (1,)}, "error_events"),
        ({"last_event_id": 7}, "last_event_id=7 is wrong; give an id, as text"),
        ({"last_event_id": "a\nb"}, "last_event_id"),
        ({"metrics": CollectorRegistry()}, "resume_stream: metrics is of type CollectorRegistry"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], names: str) -> None:
    """One line that names the option, before anything is asked."""
    with pytest.raises(SettingsError, match=names):
        resume_stream(URL, **{"metrics": SSEMetrics(CollectorRegistry()), **options})


def test_time_passes_as_it_should_in_these_tests() -> None:
    """A stream that takes an hour takes none of ours."""

    async def main() -> None:
        began = now()
        await Reading(Server(Answer(3600.0, payload(0), DONE)), stall_seconds=HANG).all()
        assert now() - began == 3600

    run(main())
