"""Reads: offsets of another stream, gaps, waits and what a slow client gets."""

import asyncio

import pytest

from sse_observe.reference import MemoryStore
from tests.support.durable import Asked, controls, data
from tests.support.virtual import now, run


def test_an_offset_of_another_stream_of_that_name_is_gone() -> None:
    """An old position is never read in a new log: offset and epoch are one value."""

    async def main() -> None:
        asked = Asked()
        made = await asked.create("s", b"old")
        await asked.ask("DELETE", "s")
        await asked.create("s", b"new")
        query = f"offset={made.headers['stream-next-offset']}"
        assert (await asked.ask("GET", "s", query=query)).status == 410

    run(main())


def test_messages_that_were_dropped_are_gone_in_a_catch_up() -> None:
    """410, and where what is left begins."""

    async def main() -> None:
        asked = Asked(store=MemoryStore(max_events=3, clock=now))
        await asked.create("s")
        for n in range(5):
            await asked.append("s", b"%d" % n)
        answer = await asked.ask("GET", "s")
        assert (answer.status, answer.body) == (
            410,
            b"2 messages after this offset are held no more\n",
        )
        rest = await asked.ask(
            "GET", "s", query=f"offset={answer.headers['stream-earliest-offset']}"
        )
        assert rest.body == b"234"

    run(main())


def test_messages_that_were_dropped_are_announced_over_sse() -> None:
    """The first control event says how many, before what is left of them."""

    async def main() -> None:
        asked = Asked(store=MemoryStore(max_events=3, clock=now))
        await asked.create("s")
        for n in range(5):
            await asked.append("s", b"%d" % n)
        reader = asked.open("GET", "s", query="offset=-1&live=sse")
        await reader.until(lambda v: bool(data(v)))
        assert reader.events[0].type == "control"
        assert controls(reader)[0]["lost"] == 2
        assert data(reader) == ["234"]
        await reader.left()

    run(main())


def test_a_live_read_gets_each_message_once_and_then_the_end() -> None:
    """Written while it reads, closed while it waits."""

    async def main() -> None:
        asked = Asked()
        await asked.create("s")
        reader = asked.open("GET", "s", query="offset=-1&live=sse")
        for n in range(5):
            await asyncio.sleep(1)
            await asked.append("s", b"%d" % n)
        await asked.append("s", b"", {"Stream-Closed": "true"})
        await reader.ended()
        assert "".join(data(reader)) == "01234"
        assert controls(reader)[-1]["streamClosed"] is True

    run(main())


def test_a_long_poll_waits_as_long_as_is_set() -> None:
    """And then says where the stream ends still."""

    async def main() -> None:
        asked = Asked(long_poll_seconds=7)
        made = await asked.create("s", b"a")
        began = now()
        offset = made.headers["stream-next-offset"]
        answer = await asked.ask("GET", "s", query=f"offset={offset}&live=long-poll")
        assert (answer.status, now() - began) == (204, pytest.approx(7))
        assert answer.headers["stream-next-offset"] == offset

    run(main())


def test_a_silent_stream_says_where_it_ends_again_and_again() -> None:
    """No proxy takes it for dead, and its answer ends after its time."""

    async def main() -> None:
        asked = Asked(long_poll_seconds=10, sse_seconds=35)
        await asked.create("s")
        began = now()
        reader = await asked.ask("GET", "s", query="offset=now&live=sse")
        assert len(controls(reader)) == 5
        assert now() - began == pytest.approx(35)

    run(main())


def test_a_client_that_does_not_read_is_let_go() -> None:
    """After the time that a send may take, not never."""

    async def main() -> None:
        asked = Asked(send_timeout_seconds=5, sse_seconds=1000)
        await asked.create("s", b"a")
        reader = await asked.open("GET", "s", query="offset=-1&live=sse").until(
            lambda v: bool(data(v))
        )
        reader.stop_reading()
        await asked.append("s", b"b")
        began = now()
        await reader.ended()
        assert now() - began == pytest.approx(5, abs=0.1)

    run(main())


def test_a_deleted_stream_ends_its_readers() -> None:
    """They do not wait for what cannot come."""

    async def main() -> None:
        asked = Asked(sse_seconds=1000)
        await asked.create("s", b"a")
        reader = await asked.open("GET", "s", query="offset=-1&live=sse").until(
            lambda v: bool(data(v))
        )
        await asked.ask("DELETE", "s")
        await reader.ended()
        assert reader.complete

    run(main())
