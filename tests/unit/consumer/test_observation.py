"""A consumer's counts: what it saw, in its own process, and nothing that it did not see."""

import asyncio

import pytest

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
