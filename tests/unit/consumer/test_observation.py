"""A consumer's counts: what it saw, in its own process, and nothing that it did not see."""

import asyncio

import pytest

from sse_observe.wire import encode
from tests.support.scripted_server import (
    DONE,
    Answer,
    Reading,
    Server,
    beat,
    hello,
    payload,
)
from tests.support.virtual import run


def test_delay_is_what_comes_on_top_of_the_best() -> None:
    """No clock is trusted: a server an hour off with steady beats shows no delay."""

    async def main() -> None:
        hour = 3_600_000
        server = Server(
            Answer(
                hello(server_time=hour),
                beat(hour),
                10.0,
                beat(hour + 10_000),
                13.0,
                beat(hour + 20_000),
                DONE,
            )
        )
        reading = await Reading(server).all()

        assert reading.count("sse_event_delay_seconds_count") == 3
        assert reading.count("sse_event_delay_seconds_sum") == pytest.approx(3)

    run(main())


def test_a_consumer_that_never_connected_left_no_stream_behind() -> None:
    """Cancelled is counted only for what was open once: the server knows nothing of the rest."""

    async def main() -> None:
        reading = Reading(Server(ConnectionRefusedError("refused")))
        task = asyncio.ensure_future(reading.all())
        await asyncio.sleep(5)
        reading.stream.close()
        await task

        assert reading.count("sse_client_streams_total") == 0

    run(main())


def test_nobody_is_shown_anything_where_nobody_looks() -> None:
    """A service without `on_status` reports no messages to users."""

    async def main() -> None:
        reading = await Reading(Server(Answer(payload(0), DONE)), on_status=None).all()

        assert reading.count("sse_ui_messages_shown_total") == 0
        assert reading.stream.status == "complete"

    run(main())


@pytest.mark.parametrize(
    "wild", ["NaN", "1e400", "-1e300", "1e300", "9" * 400, "1e14", "-1", "true", '"7"', "null"]
)
def test_no_stamp_of_a_stranger_spoils_the_histogram(wild: str) -> None:
    """One number that is none would stay in the sum for the life of the process."""

    async def main() -> None:
        beats = [encode(f'{{"t":{t}}}', event="heartbeat") for t in ("1000", wild, "1000")]
        reading = await Reading(Server(Answer(*beats, DONE))).all()

        assert reading.count("sse_event_delay_seconds_count") in (2, 3)
        assert reading.count("sse_event_delay_seconds_sum") <= 1

    run(main())


def test_a_clock_that_is_set_is_no_delay() -> None:
    """A beat that seems an hour late is another time of day; from there on delays count again."""

    async def main() -> None:
        day = 86_400_000
        steps = [beat(day), beat(0), 2.0, beat(1000), DONE]
        reading = await Reading(Server(Answer(*steps))).all()

        assert reading.count("sse_event_delay_seconds_sum") == pytest.approx(1)

    run(main())
