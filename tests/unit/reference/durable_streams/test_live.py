"""Live reads: a limit, clients that leave, and a server that exits."""

import asyncio

import pytest

from tests.support.durable import Asked, controls, data
from tests.support.virtual import now, run

LIVE = "offset=-1&live=sse"


def test_one_live_read_too_many_is_refused() -> None:
    """A stranger cannot open more connections than are allowed."""

    async def main() -> None:
        asked = Asked(max_readers=1)
        await asked.create("s", b"a")
        first = await asked.open("GET", "s", query=LIVE).until(lambda v: bool(data(v)))
        assert (await asked.ask("GET", "s", query=LIVE)).status == 503
        await first.left()
        second = await asked.open("GET", "s", query=LIVE).until(lambda v: bool(data(v)))
        await second.left()

    run(main())


def test_a_client_that_left_is_noticed_at_once() -> None:
    """Not only when the time of its read is over."""

    async def main() -> None:
        asked = Asked(sse_seconds=1000)
        await asked.create("s", b"a")
        reader = await asked.open("GET", "s", query=LIVE).until(lambda v: bool(data(v)))
        left = now()
        await reader.left()
        assert now() - left < 1

    run(main())


@pytest.mark.parametrize("live", ["sse", "long-poll"])
def test_a_server_that_exits_ends_its_live_reads_in_order(
    live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks again elsewhere, from the offset that it was told last."""
    leaving: list[bool] = []
    monkeypatch.setattr("sse_observe.reference.durable_streams.live.exiting", lambda: bool(leaving))

    async def main() -> None:
        asked = Asked(sse_seconds=1000, long_poll_seconds=1000)
        made = await asked.create("s", b"a")
        offset = made.headers["stream-next-offset"]
        reader = asked.open("GET", "s", query=f"offset={offset}&live={live}")
        await asyncio.sleep(5)
        assert not reader.task.done()
        leaving.append(True)
        began = now()
        await reader.ended()
        assert now() - began <= 1
        assert reader.complete
        if live == "sse":
            assert controls(reader)[-1]["streamNextOffset"] == offset
        else:
            assert reader.status == 204
            assert reader.headers["stream-next-offset"] == offset

    run(main())
